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
    /// The thread word.
    fn record() -> usize;
    /// Sets it.
    fn set_record(word: usize);
    /// The phase of this thread's fork: a [`crate::fork::ForkPhase`].
    fn fork_phase() -> usize;
    /// Sets it.
    fn set_fork_phase(word: usize);
    /// Blocks signals, and returns the thread's previous mask.
    fn block_signals() -> u64;
    /// Restores this mask.
    fn restore_signals(mask: u64);
}

/// While it lives, hooks of this thread pass straight through, and signals are blocked: a handler could jump away, and leave our
/// work half-done. Restores the previous state when dropped. Never alive across one of the program's calls that can be cancelled.
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

    /// Enters, whatever the previous state.
    pub fn from_here() -> Self {
        let mask = W::block_signals();
        Self {
            previous: begin::<W>(),
            mask,
            words: PhantomData,
        }
    }

    /// Stays busy without this value: [`end`] leaves, and the caller restores the previous mask, which this returns.
    pub fn stay(self) -> u64 {
        let mask = self.mask;
        core::mem::forget(self);
        mask
    }
}

impl<W: Words> Drop for Busy<W> {
    fn drop(&mut self) {
        W::set_record(self.previous);
        W::restore_signals(self.mask);
    }
}

/// Makes this thread's hooks pass straight through from now on. Returns the previous word.
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

/// Leaves the busy state that [`Busy::stay`] kept: hooks of this thread follow again, if it has a record.
#[inline(always)]
pub fn end<W: Words>() {
    let word = W::record().cast_signed();
    if word < UNKNOWN {
        W::set_record(word.unsigned_abs());
    }
}
