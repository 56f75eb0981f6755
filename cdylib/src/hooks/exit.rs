//! The ends of a process that run no destructors.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use crate::system::process;
use crate::system::real::Real;
use crate::watch::at_exit;

// hook _exit
/// `_exit`.
///
/// # Safety
/// None but C's.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.forkwatch_child")]
pub unsafe extern "C" fn _exit(status: c_int) -> ! {
    at_exit::process_ends();
    process::exit_now(status)
}

// hook _Exit
/// C99's name of `_exit`.
///
/// # Safety
/// None but C's.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.forkwatch_child")]
pub unsafe extern "C" fn _Exit(status: c_int) -> ! {
    at_exit::process_ends();
    process::exit_now(status)
}

static QUICK_EXIT: Real = Real::new(c"quick_exit");

// hook quick_exit
/// C11's `quick_exit`, which ends in libc's own `_exit`.
///
/// # Safety
/// None but C's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn quick_exit(status: c_int) -> ! {
    at_exit::process_ends();
    let real = QUICK_EXIT.address();
    if real.is_null() {
        process::exit_now(status);
    }
    // SAFETY: libc's function of this name has this type, and the program made this very call.
    unsafe { core::mem::transmute::<*mut core::ffi::c_void, extern "C-unwind" fn(c_int) -> !>(real)(status) }
}
