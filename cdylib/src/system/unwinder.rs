//! The copy of gcc's unwinder that is linked into this library.
//!
//! A cancelled thread is unwound by the unwinder that libc loads. In a frame of ours with a destructor, it calls our personality
//! routine, which sets registers through *this* copy; a copy that has never been used does not know the sizes of registers yet,
//! and aborts the process.
#![expect(unsafe_code, reason = "functions of the unwinder")]

use core::ffi::{c_int, c_void};

/// `_URC_NORMAL_STOP`: no further frame is wanted.
const STOP: c_int = 4;

/// Uses this copy once.
pub fn make_ready() {
    unsafe extern "C" {
        fn _Unwind_Backtrace(see: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    }
    extern "C" fn see(_frame: *mut c_void, _argument: *mut c_void) -> c_int {
        STOP
    }
    // SAFETY: the unwinder shows one frame to `see`, which ignores it.
    let _stopped = unsafe { _Unwind_Backtrace(see, core::ptr::null_mut()) };
}
