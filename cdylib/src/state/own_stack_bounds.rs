//! Where the stack of the running thread lies, by its record. A module of its own, because [`super::thread`] depends on the
//! unwinder, which depends on this.

use forkwatch_state::busy::{BUSY, UNKNOWN};
use forkwatch_state::record::Record;

use crate::system::thread_word;

/// The lowest and the highest address of the running thread's stack; zeros where they are not known.
pub fn get() -> (usize, usize) {
    let word = thread_word::record().cast_signed();
    if (UNKNOWN..=BUSY).contains(&word) {
        return (0, 0);
    }
    let address = word.unsigned_abs();
    // SAFETY: any other word is the address of this thread's `Thread`, or that address negated. Its first field is a `Record`, and it
    // lies in a region that is never given back.
    #[expect(unsafe_code, reason = "the thread word is a record's address")]
    let record = unsafe { &*(address as *const Record) };
    let low = record.stack_low();
    (low, low.saturating_add(record.stack_span()))
}
