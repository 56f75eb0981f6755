//! On x86-64, a thread's words are at a distance from `fs`.

use core::arch::asm;

use super::Word;

/// This thread's word; 0 in a thread that never wrote it.
#[inline(always)]
pub fn get(word: Word) -> usize {
    let value: usize;
    // SAFETY: the symbol is ours and has a place for every `Word`; it lives as long as the thread does.
    unsafe {
        asm!(
            "mov {value}, qword ptr [rip + forkwatch_thread_words@gottpoff]",
            "mov {value}, qword ptr fs:[{value} + {distance}]",
            value = out(reg) value,
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
            "mov {value}, qword ptr [rip + forkwatch_thread_words@gottpoff]",
            "mov {value}, qword ptr fs:[{value}]",
            value = out(reg) value,
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
            "mov {place}, qword ptr [rip + forkwatch_thread_words@gottpoff]",
            "mov qword ptr fs:[{place} + {distance}], {value}",
            place = out(reg) _,
            distance = in(reg) word as usize,
            value = in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}
