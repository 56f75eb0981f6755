//! Which code was interrupted by a signal: read from the frame that the kernel makes for a handler, whose layout is the kernel's
//! ABI. No tables are needed, because some libraries' code that returns from a handler has none.

use super::{Registers, Words};
use crate::processor::{INTERRUPTED, INTERRUPTED_AT, STACK_POINTER};

/// The registers of the code that was interrupted, from those with which its handler returns to
/// [`RETURN_CODE`](crate::processor::RETURN_CODE).
pub fn interrupted(registers: &Registers, words: &mut impl Words) -> Option<Registers> {
    let first = registers.get(STACK_POINTER)?.checked_add(INTERRUPTED_AT)?;
    let mut before = Registers::unknown();
    for (place, register) in INTERRUPTED.into_iter().enumerate() {
        before.set(
            register,
            Some(words.word(first.checked_add(place * size_of::<usize>())?)?),
        );
    }
    Some(before)
}
