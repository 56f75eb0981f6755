//! One word a thread, read in two instructions.
//!
//! Stable Rust gives a shared library only the general TLS model, a call per access that may also allocate. The word is
//! therefore a `.tbss` symbol of our own, read with the initial-exec model, which a preloaded library may use because its
//! TLS block is laid out before the program starts.
#![expect(unsafe_code, reason = "thread-local storage without the compiler's help")]

use core::arch::{asm, global_asm};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")))]
compile_error!("forkwatch is written for x86-64 Linux with glibc");

global_asm!(
    ".pushsection .tbss.forkwatch_thread_word,\"awT\",@nobits",
    ".balign 8",
    ".hidden forkwatch_thread_word",
    ".globl forkwatch_thread_word",
    ".type forkwatch_thread_word,@object",
    ".size forkwatch_thread_word,8",
    "forkwatch_thread_word:",
    ".zero 8",
    ".popsection",
);

/// This thread's word; 0 in a thread that never wrote it.
#[inline(always)]
pub fn get() -> usize {
    let word: usize;
    // SAFETY: the symbol is ours, eight bytes long, and lives as long as the thread does.
    unsafe {
        asm!(
            "mov {word}, qword ptr [rip + forkwatch_thread_word@gottpoff]",
            "mov {word}, qword ptr fs:[{word}]",
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    word
}

/// Sets this thread's word.
#[inline(always)]
pub fn set(word: usize) {
    // SAFETY: the symbol is ours, eight bytes long, and only this thread can reach its copy.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + forkwatch_thread_word@gottpoff]",
            "mov qword ptr fs:[{place}], {word}",
            place = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_thread_has_its_own_word() {
        super::set(5);
        let other = std::thread::spawn(|| {
            let before = super::get();
            super::set(7);
            (before, super::get())
        });
        assert_eq!(other.join().unwrap(), (0, 7));
        assert_eq!(super::get(), 5);
        super::set(0);
    }
}
