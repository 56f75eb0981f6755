//! `prctl`, with which a program may install a seccomp filter. The hook of `syscall` handles the other way.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::watch::sandbox::{self, Filter};

hooks! {
    /// Changes something of the process or thread.
    wide hook prctl(option, second, third, fourth, fifth) -> c_int = |_, real| match filter_by_prctl(option, second, third) {
        Some(filter) => sandbox::install(filter, real, |result| result < 0),
        None => real(),
    };
}

/// The filter that this `prctl` installs, if it does.
pub fn filter_by_prctl(option: usize, mode: usize, program: usize) -> Option<Filter> {
    // The kernel and libc take it as an int.
    if option & 0xffff_ffff != libc::PR_SET_SECCOMP.unsigned_abs() as usize {
        return None;
    }
    match u32::try_from(mode) {
        Ok(libc::SECCOMP_MODE_STRICT) => Some(Filter::Strict),
        Ok(libc::SECCOMP_MODE_FILTER) => Some(Filter::Program(program)),
        _ => None,
    }
}

/// The filter that the system call `seccomp` installs, if it does.
pub fn filter_by_seccomp(operation: usize, program: usize) -> Option<Filter> {
    match u32::try_from(operation) {
        Ok(libc::SECCOMP_SET_MODE_STRICT) => Some(Filter::Strict),
        Ok(libc::SECCOMP_SET_MODE_FILTER) => Some(Filter::Program(program)),
        _ => None,
    }
}
