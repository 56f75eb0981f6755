//! On aarch64, a thread's words are at a distance from `tpidr_el0`, which the loader puts into the global offset table.

use core::arch::asm;

use super::Word;

/// This thread's word; 0 in a thread that never wrote it.
#[inline(always)]
pub fn get(word: Word) -> usize {
    let value: usize;
    // SAFETY: the symbol is ours and has a place for every `Word`; it lives as long as the thread does.
    unsafe {
        asm!(
            "adrp {value}, :gottprel:forkwatch_thread_words",
            "ldr {value}, [{value}, #:gottprel_lo12:forkwatch_thread_words]",
            "mrs {thread}, tpidr_el0",
            "add {value}, {value}, {distance}",
            "ldr {value}, [{thread}, {value}]",
            value = out(reg) value,
            thread = out(reg) _,
            distance = in(reg) word as usize,
            options(nostack, preserves_flags, readonly),
        );
    }
    value
}

/// The word that every hook reads: [`Word::Record`], without the addition.
#[inline(always)]
pub fn record() -> usize {
    let value: usize;
    // SAFETY: as in `get`.
    unsafe {
        asm!(
            "adrp {value}, :gottprel:forkwatch_thread_words",
            "ldr {value}, [{value}, #:gottprel_lo12:forkwatch_thread_words]",
            "mrs {thread}, tpidr_el0",
            "ldr {value}, [{thread}, {value}]",
            value = out(reg) value,
            thread = out(reg) _,
            options(nostack, preserves_flags, readonly),
        );
    }
    value
}

/// Sets this thread's word.
#[inline(always)]
pub fn set(word: Word, value: usize) {
    // SAFETY: as in `get`, and only this thread can reach its copy.
    unsafe {
        asm!(
            "adrp {place}, :gottprel:forkwatch_thread_words",
            "ldr {place}, [{place}, #:gottprel_lo12:forkwatch_thread_words]",
            "mrs {thread}, tpidr_el0",
            "add {place}, {place}, {distance}",
            "str {value}, [{thread}, {place}]",
            place = out(reg) _,
            thread = out(reg) _,
            distance = in(reg) word as usize,
            value = in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}
