//! The guards of C++ local statics. The C++ runtime may be visible only to the calling library.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::watch::lock::release;
use crate::watch::static_guard;

hooks! {
    /// Asks whether a local static must be initialised by the caller.
    later hook __cxa_guard_acquire(guard) -> c_int = |caller, real| static_guard::acquire(guard, caller, real);
    /// Says that a local static is initialised.
    later hook __cxa_guard_release(guard) -> c_int = |caller, real| release(guard, caller, real);
    /// Says that the initialisation of a local static has failed.
    later hook __cxa_guard_abort(guard) -> c_int = |caller, real| release(guard, caller, real);
}
