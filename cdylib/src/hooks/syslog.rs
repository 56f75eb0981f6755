//! `syslog`, which takes any number of arguments: the entry gathers them in a `va_list` and passes it to libc's `vsyslog`, as
//! libc's own `syslog` does. If another library's `syslog` comes after ours, the arguments cannot be passed on that way, and the
//! call jumps to it, unwatched. What a `va_list` looks like is in the processor's own file.
#![expect(unsafe_code, reason = "hooks are C functions")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::ffi::{c_int, c_void};

use super::hooks;
use crate::state::libc_regions::SYSLOG;
use crate::state::stack_cache::Caller;
use crate::system::next_definition::Scope;
use crate::system::real::{Real, nothing, real_function};
use crate::watch::region;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::with_list;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::with_list;

hooks! {
    /// Writes to the system log.
    entry hook syslog;
    /// Writes to the system log, with checks of the format (`_FORTIFY_SOURCE`).
    entry hook __syslog_chk;
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
        with_list!(2 named),
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
        with_list!(3 named),
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
