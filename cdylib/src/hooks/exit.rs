//! The ends of a process that run no destructors.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use crate::system::process;
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
