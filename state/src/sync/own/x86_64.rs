//! x86-64: without the `lock` prefix, an instruction that changes memory is atomic for its own thread alone, and cheap.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Adds to the word, and returns its previous value.
#[inline(always)]
pub fn fetch_add(word: &AtomicU32, more: u32) -> u32 {
    let mut value = more;
    // SAFETY: the instruction reads and writes only the word. The asm block is a compiler barrier, and on x86-64 loads and stores
    // have the orderings Acquire and Release.
    unsafe {
        asm!(
            "xadd dword ptr [{word}], {value:e}",
            word = in(reg) word.as_ptr(),
            value = inout(reg) value,
            options(nostack),
        );
    }
    value
}

macro_rules! replace_if {
    ($(#[$about:meta])* $name:ident, $word:ty, $value:ty, $size:literal, $accumulator:tt, $letter:literal) => {
        $(#[$about])*
                #[inline(always)]
        pub fn $name(word: &$word, old: $value, new: $value) -> bool {
            let found: $value;
            // SAFETY: as in `fetch_add`.
            unsafe {
                asm!(
                    concat!("cmpxchg ", $size, " ptr [{word}], {new", $letter, "}"),
                    word = in(reg) word.as_ptr(),
                    new = in(reg) new,
                    inout($accumulator) old => found,
                    options(nostack),
                );
            }
            found == old
        }
    };
}

replace_if!(
    /// Replaces `old` by `new`; false where the word is not `old`.
    replace_if,
    AtomicU32,
    u32,
    "dword",
    "eax",
    ":e"
);
replace_if!(
    /// As [`fn@replace_if`], for a word of 64 bits.
    replace_long_if,
    AtomicU64,
    u64,
    "qword",
    "rax",
    ":r"
);
