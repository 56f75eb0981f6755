//! Blocks signals while our own code runs. A handler that interrupted it might jump away and never return: our lock would stay
//! held and the thread unwatched.
//!
//! Not blocked are the signals that an instruction raises in its own thread, because the kernel kills a process that blocks one;
//! SIGSYS, with which sandboxes emulate system calls; and the signal with which libc changes ids in all threads at once.
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

/// The same in memory, for the kernel to read.
static WAITING_SIGNALS: u64 = WAITING;

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Blocks signals, and returns the previous mask in the kernel's form.
pub fn block() -> u64 {
    // If the kernel refuses, this value stays, and `restore` changes nothing.
    let mut before = WAITING;
    change(libc::SIG_BLOCK, &raw const WAITING_SIGNALS, &raw mut before);
    before
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
    use super::{bit, block, restore};

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
}
