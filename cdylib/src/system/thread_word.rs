//! A few words for each thread, each read in two instructions (four on aarch64), which are in the processor's own file.
//!
//! Stable Rust gives a shared library only the general TLS model, a call per access that may also allocate. The words are
//! therefore a `.tbss` symbol of our own, read with the initial-exec model, which a preloaded library may use because its
//! TLS block is laid out before the program starts.
//!
//! They lie next to libc's own thread data, which a forked child writes anyway: noting something here at a fork costs the child
//! no additional page.
#![expect(unsafe_code, reason = "thread-local storage without the compiler's help")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::arch::global_asm;

use forkwatch_state::busy::Words;

use super::signal_mask;

#[cfg(target_arch = "aarch64")]
pub use self::aarch64::{get, record, set};
#[cfg(target_arch = "x86_64")]
pub use self::x86_64::{get, record, set};

#[cfg(not(all(
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_os = "linux",
    target_env = "gnu"
)))]
compile_error!("forkwatch is written for x86-64 and aarch64 Linux with glibc");

global_asm!(
    ".pushsection .tbss.forkwatch_thread_words,\"awT\",@nobits",
    ".balign 8",
    ".hidden forkwatch_thread_words",
    ".globl forkwatch_thread_words",
    ".type forkwatch_thread_words,@object",
    ".size forkwatch_thread_words,64",
    "forkwatch_thread_words:",
    ".zero 64",
    ".popsection",
);

/// A thread's words, by their distance in bytes.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Word {
    /// The thread's record, and whether our code runs (`forkwatch_state::busy`).
    Record = 0,
    /// The fork call that is under way (`state::fork_call`).
    ForkCall = 8,
    /// The phase of that fork (`forkwatch_state::fork`).
    ForkPhase = 16,
    /// Forks by this thread that are not counted yet.
    Forks = 24,
    /// The fork record that it has to report (`watch::fork::kept`).
    PendingFork = 32,
    /// Where on its stack a stack lookup runs, 0 while none does (`state::thread`).
    Lookup = 40,
    /// The stack pointer of the fork call's caller (`state::fork_call`).
    ForkCaller = 48,
    /// The wait before its fork (`watch::settle`).
    Settling = 56,
}

/// The words of the running thread, as `forkwatch-state` asks for them.
#[derive(Debug)]
pub struct ThisThread;

impl Words for ThisThread {
    #[inline(always)]
    fn record() -> usize {
        record()
    }

    #[inline(always)]
    fn set_record(word: usize) {
        set(Word::Record, word);
    }

    #[inline(always)]
    fn fork_phase() -> usize {
        get(Word::ForkPhase)
    }

    #[inline(always)]
    fn set_fork_phase(word: usize) {
        set(Word::ForkPhase, word);
    }

    fn block_signals() -> u64 {
        let mask = signal_mask::block();
        // A jump out of an earlier lookup may have left a value there.
        set(Word::Lookup, 0);
        mask
    }

    #[inline(always)]
    fn restore_signals(mask: u64) {
        signal_mask::restore(mask);
    }
}

#[cfg(test)]
mod tests {
    use super::{Word, get, record, set};

    #[test]
    fn each_thread_has_its_own_words() {
        set(Word::ForkCall, 5);
        set(Word::ForkPhase, 6);
        let other = std::thread::spawn(|| {
            let before = get(Word::ForkCall);
            set(Word::ForkCall, 7);
            (before, get(Word::ForkCall))
        });
        assert_eq!(other.join().unwrap(), (0, 7));
        assert_eq!((get(Word::ForkCall), get(Word::ForkPhase)), (5, 6));
        assert_eq!(record(), get(Word::Record));
        set(Word::ForkCall, 0);
        set(Word::ForkPhase, 0);
    }
}
