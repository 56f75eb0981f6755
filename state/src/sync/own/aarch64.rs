//! aarch64: exclusive loads and stores. A signal between the two makes the store fail, because returning from the kernel ends the
//! exclusive access; so does another thread's change, which the owner then sees. No other thread competes, so the loops end at once.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Adds to the word, and returns its previous value.
#[inline(always)]
pub fn fetch_add(word: &AtomicU32, more: u32) -> u32 {
    let before: u32;
    // SAFETY: the instructions read and write only the word, with the orderings Acquire and Release.
    unsafe {
        asm!(
            "2:",
            "ldaxr {before:w}, [{word}]",
            "add {after:w}, {before:w}, {more:w}",
            "stlxr {failed:w}, {after:w}, [{word}]",
            "cbnz {failed:w}, 2b",
            word = in(reg) word.as_ptr(),
            more = in(reg) more,
            before = out(reg) before,
            after = out(reg) _,
            failed = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
    before
}

macro_rules! replace_if {
    ($(#[$about:meta])* $name:ident, $word:ty, $value:ty, $letter:literal) => {
        $(#[$about])*
        #[inline(always)]
        pub fn $name(word: &$word, old: $value, new: $value) -> bool {
            let found: $value;
            // SAFETY: as in `fetch_add`.
            unsafe {
                asm!(
                    "2:",
                    concat!("ldaxr {found", $letter, "}, [{word}]"),
                    concat!("cmp {found", $letter, "}, {old", $letter, "}"),
                    "b.ne 3f",
                    concat!("stlxr {failed:w}, {new", $letter, "}, [{word}]"),
                    "cbnz {failed:w}, 2b",
                    "3:",
                    word = in(reg) word.as_ptr(),
                    old = in(reg) old,
                    new = in(reg) new,
                    found = out(reg) found,
                    failed = out(reg) _,
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
    ":w"
);
replace_if!(
    /// As [`fn@replace_if`], for a word of 64 bits.
    replace_long_if,
    AtomicU64,
    u64,
    ":x"
);
