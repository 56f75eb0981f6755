//! `syslog`, which takes any number of arguments: the entry gathers them in a `va_list` and passes it to libc's `vsyslog`, as
//! libc's own `syslog` does. If another library's `syslog` comes after ours, the arguments cannot be passed on that way, and the
//! call jumps to it, unwatched.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use super::hooks;
use crate::state::libc_regions::SYSLOG;
use crate::state::stack_cache::Caller;
use crate::system::next_definition::Scope;
use crate::system::real::{Real, nothing, real_function};
use crate::watch::region;

hooks! {
    /// Writes to the system log.
    entry hook syslog;
    /// Writes to the system log, with checks of the format (`_FORTIFY_SOURCE`).
    entry hook __syslog_chk;
}

/// Gathers the arguments behind the named ones, of which `$named` bytes stand in the save area, as x86-64's ABI lays out a
/// `va_list`: offsets, the arguments on the stack, the save area. `$list` is the register that the list is passed in, `$after`
/// the two behind it, for the return address and the caller's stack pointer.
macro_rules! with_list {
    ($named:literal, $list:literal, $after:literal, $last:literal) => {
        concat!(
            ".cfi_startproc\n",
            "mov r11, [rip + {next} + {address}]\n",
            "cmp r11, [rip + {libc} + {address}]\n",
            "je 3f\n",
            "jmp r11\n",
            "3:\n",
            "push rbp\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset rbp, -16\n",
            "mov rbp, rsp\n",
            ".cfi_def_cfa_register rbp\n",
            "sub rsp, 208\n",
            "and rsp, -16\n",
            "mov [rsp], rdi\n",
            "mov [rsp + 8], rsi\n",
            "mov [rsp + 16], rdx\n",
            "mov [rsp + 24], rcx\n",
            "mov [rsp + 32], r8\n",
            "mov [rsp + 40], r9\n",
            "test al, al\n",
            "je 2f\n",
            "movups [rsp + 48], xmm0\n",
            "movups [rsp + 64], xmm1\n",
            "movups [rsp + 80], xmm2\n",
            "movups [rsp + 96], xmm3\n",
            "movups [rsp + 112], xmm4\n",
            "movups [rsp + 128], xmm5\n",
            "movups [rsp + 144], xmm6\n",
            "movups [rsp + 160], xmm7\n",
            "2:\n",
            "mov dword ptr [rsp + 176], ",
            $named,
            "\n",
            "mov dword ptr [rsp + 180], 48\n",
            "lea r10, [rbp + 16]\n",
            "mov [rsp + 184], r10\n",
            "mov [rsp + 192], rsp\n",
            "lea ",
            $list,
            ", [rsp + 176]\n",
            "mov ",
            $after,
            ", [rbp + 8]\n",
            "lea ",
            $last,
            ", [rbp + 16]\n",
            "call {body}\n",
            "leave\n",
            ".cfi_def_cfa rsp, 8\n",
            "ret\n",
            ".cfi_endproc",
        )
    };
}

real_function!(static NEXT = c"syslog", Scope::Next, None, Some(nothing));
real_function!(static OF_LIBC = c"syslog", Scope::Libc, None, Some(nothing));
real_function!(static NEXT_CHECKED = c"__syslog_chk", Scope::Next, None, Some(nothing));
real_function!(static CHECKED_OF_LIBC = c"__syslog_chk", Scope::Libc, None, Some(nothing));
real_function!(static VSYSLOG = c"vsyslog", Scope::Next, None, Some(nothing));
real_function!(static VSYSLOG_CHECKED = c"__vsyslog_chk", Scope::Next, None, Some(nothing));

/// `syslog`.
///
/// # Safety
/// As the real one.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn syslog() {
    core::arch::naked_asm!(
        with_list!("16", "rdx", "rcx", "r8"),
        next = sym NEXT,
        libc = sym OF_LIBC,
        address = const Real::ADDRESS,
        body = sym plain,
    )
}

/// `syslog` with checks of the format, where it was compiled with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As the real one.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn __syslog_chk() {
    core::arch::naked_asm!(
        with_list!("24", "rcx", "r8", "r9"),
        next = sym NEXT_CHECKED,
        libc = sym CHECKED_OF_LIBC,
        address = const Real::ADDRESS,
        body = sym checked,
    )
}

unsafe extern "C-unwind" fn plain(
    priority: c_int,
    format: usize,
    list: usize,
    return_address: usize,
    stack_pointer: usize,
) {
    type Vsyslog = unsafe extern "C-unwind" fn(c_int, usize, usize);
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Vsyslog>(VSYSLOG.address()) };
    let caller = Caller {
        return_address,
        stack_pointer,
        function: &"syslog",
    };
    region::within(&SYSLOG, caller, || {
        // SAFETY: the program's own call, its arguments gathered as the ABI says.
        unsafe { real(priority, format, list) };
        0
    });
}

unsafe extern "C-unwind" fn checked(
    priority: c_int,
    flag: c_int,
    format: usize,
    list: usize,
    return_address: usize,
    stack_pointer: usize,
) {
    type Vsyslog = unsafe extern "C-unwind" fn(c_int, c_int, usize, usize);
    // SAFETY: libc's function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Vsyslog>(VSYSLOG_CHECKED.address()) };
    let caller = Caller {
        return_address,
        stack_pointer,
        function: &"syslog",
    };
    region::within(&SYSLOG, caller, || {
        // SAFETY: as above.
        unsafe { real(priority, flag, format, list) };
        0
    });
}
