//! Blocks signals while our own code runs. A handler that interrupted it might jump away and never return: our lock would stay
//! held and the thread unwatched.
//!
//! Not blocked are the signals that an instruction raises in its own thread, because the kernel kills a process that blocks one;
//! SIGSYS, with which sandboxes emulate system calls; and the signal with which libc changes ids in all threads at once. Nor, unless
//! they have a handler, are the signals that do nothing by default: the kernel drops one where it is not blocked, but hands a
//! blocked one to another thread, whose `epoll_wait` then fails with EINTR.
#![expect(unsafe_code, reason = "a direct system call")]

use core::arch::naked_asm;

use forkwatch_process::system_call::system_call;

/// libc's own signal for changing ids (`SIGSETXID`).
const CHANGE_IDS: i32 = 33;

const WAITING: u64 = !(bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGFPE)
    | bit(libc::SIGILL)
    | bit(libc::SIGTRAP)
    | bit(libc::SIGSYS)
    | bit(CHANGE_IDS));

/// The signals that do nothing by default (signal(7)).
const WITHOUT_EFFECT: [i32; 3] = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH];

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Blocks signals, and returns the previous mask in the kernel's form.
pub fn block() -> u64 {
    // If the kernel refuses, this value stays, and `restore` changes nothing.
    let mut before = WAITING;
    let mut signals = WAITING;
    for signal in WITHOUT_EFFECT {
        if !is_handled(signal) {
            signals &= !bit(signal);
        }
    }
    change(libc::SIG_BLOCK, &raw const signals, &raw mut before);
    before
}

/// Whether a signal has a handler, or may have one. By a direct system call, as in [`change`].
fn is_handled(signal: i32) -> bool {
    /// The kernel's `struct sigaction` on both processors.
    #[repr(C)]
    struct Action {
        handler: usize,
        flags: usize,
        restorer: usize,
        mask: u64,
    }
    let mut action = Action {
        handler: usize::MAX,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
    let place = &raw mut action;
    let signal = signal.unsigned_abs() as usize;
    // SAFETY: the kernel writes one action; it sets none. If it refuses, nothing changes.
    unsafe {
        system_call(
            libc::SYS_rt_sigaction,
            [signal, 0, place as usize, size_of::<u64>(), 0, 0],
        )
    };
    ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.handler)
}

/// Sets the thread's mask. If the signal with which libc cancels a thread was pending, the thread now unwinds from here, through
/// the callers of this function.
#[inline(always)]
pub fn restore(mask: u64) {
    if mask != WAITING {
        // SAFETY: the mask is the caller's.
        unsafe { set(&raw const mask) };
    }
}

/// Sets the mask in a naked function, because a thread cannot unwind from inline assembly.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C-unwind" fn set(mask: *const u64) {
    naked_asm!(
        ".cfi_startproc",
        "mov rsi, rdi",
        "mov edi, {set}",
        "xor edx, edx",
        "mov r10d, 8",
        "mov eax, {change}",
        "syscall",
        "ret",
        ".cfi_endproc",
        set = const libc::SIG_SETMASK,
        change = const libc::SYS_rt_sigprocmask,
    )
}

/// The same on aarch64.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C-unwind" fn set(mask: *const u64) {
    naked_asm!(
        ".cfi_startproc",
        "mov x1, x0",
        "mov w0, {set}",
        "mov x2, xzr",
        "mov w3, #8",
        "mov w8, {change}",
        "svc #0",
        "ret",
        ".cfi_endproc",
        set = const libc::SIG_SETMASK,
        change = const libc::SYS_rt_sigprocmask,
    )
}

/// By a direct system call: a library that replaces libc's function may not be ready yet, or may keep count.
#[inline(always)]
fn change(how: i32, new: *const u64, old: *mut u64) {
    let how = how.unsigned_abs() as usize;
    // SAFETY: the kernel reads one mask and writes another, both of eight bytes and the caller's. If it refuses, nothing changes.
    unsafe {
        system_call(
            libc::SYS_rt_sigprocmask,
            [how, new as usize, old as usize, size_of::<u64>(), 0, 0],
        )
    };
}

#[cfg(test)]
mod tests {
    use super::{WITHOUT_EFFECT, bit, block, is_handled, restore};

    #[test]
    fn signals_wait_and_what_was_blocked_before_stays_so() {
        let before = block();
        let within = block();
        assert_ne!(within & bit(libc::SIGALRM), 0);
        assert_eq!(within & (bit(libc::SIGSEGV) | bit(libc::SIGSYS)), 0);
        restore(within);
        assert_eq!(block(), within);
        restore(before);
        let after = block();
        restore(after);
        assert_eq!(after, before);
    }
    #[test]
    fn a_signal_is_handled_by_a_function_alone() {
        assert!(!is_handled(libc::SIGCHLD));
        // Rust ignores it.
        assert!(!is_handled(libc::SIGPIPE));
        // Rust has a handler that finds stack overflows.
        assert!(is_handled(libc::SIGSEGV));
        let before = block();
        let within = block();
        restore(before);
        assert!(WITHOUT_EFFECT.iter().all(|&signal| within & bit(signal) == 0));
    }
}
