//! System calls by the processor's own instruction: never a cancellation point, never another library's definition, and errno is
//! unchanged.
#![expect(unsafe_code, reason = "the syscall instruction")]

use core::arch::asm;

/// Makes a system call. Returns the kernel's result: from -4095 to -1 it is a negated error number.
///
/// # Safety
/// As for the system call of this number.
#[inline(always)]
pub unsafe fn system_call(number: i64, arguments: [usize; 6]) -> isize {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let result: isize;
    // SAFETY: the caller's promise; the kernel changes no register but these.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            in("r8") fifth,
            in("r9") sixth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}
