//! Whether our own code runs in a thread, as the thread word says.
//!
//! The word, seen as a signed number:
//!
//! | word | meaning | hooks |
//! |---|---|---|
//! | 0 | not seen yet | make its record first |
//! | 1 | no record: our code runs before there is one, or the thread has ended | pass straight through |
//! | above 1 | the record's address | follow |
//! | below 0 | the record's address, negated: our own code runs | pass straight through |

use core::marker::PhantomData;

/// The word of a thread that no hook has seen.
pub const UNKNOWN: isize = 0;
/// The word of a thread without a record, while hooks must pass straight through.
pub const BUSY: isize = 1;

/// The words of the running thread, which no other thread reads.
pub trait Words {
    /// Who this thread is.
    fn record() -> usize;
    /// Sets it.
    fn set_record(word: usize);
    /// How far this thread's fork is: a [`crate::fork::Copying`].
    fn copying() -> usize;
    /// Sets it.
    fn set_copying(word: usize);
    /// Lets signals wait, and gives the thread's mask of before.
    fn hold_signals() -> u64;
    /// Gives the thread this mask.
    fn let_signals(mask: u64);
}

/// While it lives, hooks of this thread pass straight through, and signals wait: a handler could jump away, and leave our work half
/// done. Then what was before holds again. Never alive across a call of the program's that can be cancelled.
#[derive(Debug)]
pub struct Busy<W: Words> {
    previous: usize,
    mask: u64,
    words: PhantomData<W>,
}

impl<W: Words> Busy<W> {
    /// Enters; `None` where our code runs already, or hooks pass straight through.
    pub fn enter() -> Option<Self> {
        (W::record().cast_signed() > BUSY).then(Self::from_here)
    }

    /// Enters, whatever was before.
    pub fn from_here() -> Self {
        let mask = W::hold_signals();
        Self {
            previous: begin::<W>(),
            mask,
            words: PhantomData,
        }
    }

    /// Stays, also when this value is gone; [`end`] leaves, and the caller gives back the mask of before.
    pub fn stay(self) -> u64 {
        let mask = self.mask;
        core::mem::forget(self);
        mask
    }
}

impl<W: Words> Drop for Busy<W> {
    fn drop(&mut self) {
        W::set_record(self.previous);
        W::let_signals(self.mask);
    }
}

/// Hooks of this thread pass straight through from here on; the word of before.
pub fn begin<W: Words>() -> usize {
    let previous = W::record();
    let word = previous.cast_signed();
    let busy = match word {
        UNKNOWN => BUSY,
        _ if word > BUSY => -word,
        _ => word,
    };
    W::set_record(busy.cast_unsigned());
    previous
}

/// Leaves what [`Busy::stay`] has kept: hooks of this thread follow again, if it has a record.
pub fn end<W: Words>() {
    let word = W::record().cast_signed();
    if word < UNKNOWN {
        W::set_record(word.unsigned_abs());
    }
}
