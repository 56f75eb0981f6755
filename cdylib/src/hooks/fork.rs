//! The fork family: every function that copies the process.
//!
//! `vfork`, `posix_spawn`, `system` and `popen` are safe by construction and not touched.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_char, c_int, c_void};

use libc::{pid_t, termios, winsize};

use crate::system::libc_threads;
use crate::system::real::Real;
use crate::watch::fork::{after_copy_in_child, with_handlers, without_handlers};

redhook::hook! {
    unsafe fn fork() -> pid_t => watched_fork {
        // SAFETY: the program's own call.
        with_handlers("fork", true, || unsafe { redhook::real!(fork)() })
    }
}

redhook::hook! {
    unsafe fn __fork() -> pid_t => watched_internal_fork {
        // SAFETY: the program's own call.
        with_handlers("__fork", true, || unsafe { redhook::real!(__fork)() })
    }
}

redhook::hook! {
    unsafe fn forkpty(
        master: *mut c_int,
        name: *mut c_char,
        attributes: *const termios,
        size: *const winsize
    ) -> pid_t => watched_forkpty {
        let mut made = -1;
        let result = with_handlers("forkpty", true, || {
            // SAFETY: the program's own call.
            made = unsafe { redhook::real!(forkpty)(master, name, attributes, size) };
            made
        });
        if result == -1 && made > 0 {
            // Refused after the copy: the program must not be left with a terminal that it knows nothing of.
            // SAFETY: the real call succeeded, so `master` holds a descriptor that nobody else knows.
            unsafe { libc::close(*master) };
        }
        result
    }
}

redhook::hook! {
    unsafe fn daemon(stay: c_int, keep_streams: c_int) -> c_int => watched_daemon {
        // SAFETY: the program's own call.
        with_handlers("daemon", false, || unsafe { redhook::real!(daemon)(stay, keep_streams) })
    }
}

/// `_Fork` came with glibc 2.34, and `redhook` panics where a symbol is missing.
static FORK_WITHOUT_HANDLERS: Real = Real::new(c"_Fork");

// hook _Fork
/// `_Fork`: runs no at-fork handlers.
///
/// # Safety
/// As the real one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Fork() -> pid_t {
    let real = FORK_WITHOUT_HANDLERS.address();
    if real.is_null() {
        crate::system::errno::set(libc::ENOSYS);
        return -1;
    }
    // SAFETY: the function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> pid_t>(real) };
    // SAFETY: the program's own call.
    without_handlers("_Fork", || unsafe { real() })
}

type CloneRoutine = unsafe extern "C" fn(*mut c_void) -> c_int;
type Clone = unsafe extern "C" fn(
    Option<CloneRoutine>,
    *mut c_void,
    c_int,
    *mut c_void,
    *mut c_void,
    *mut c_void,
    *mut c_void,
) -> c_int;

/// `clone` is variadic, which no stable Rust function can be; seven fixed arguments are passed the same way.
static CLONE: Real = Real::new(c"clone");

/// What the child of a watched `clone` runs.
struct Cloned {
    routine: CloneRoutine,
    argument: *mut c_void,
}

// hook clone
/// `clone`: a fork where it shares neither memory nor thread group.
///
/// # Safety
/// As the real one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clone(
    routine: Option<CloneRoutine>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    parent_tid: *mut c_void,
    tls: *mut c_void,
    child_tid: *mut c_void,
) -> c_int {
    // SAFETY: libc has `clone`, of this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Clone>(CLONE.address()) };
    if flags & libc::CLONE_THREAD != 0 {
        libc_threads::note_one_around_libc();
    }
    let Some(watched) = routine.filter(|_| copies_memory(flags) && !stack.is_null()) else {
        // No copy of the process, or one that libc refuses.
        // SAFETY: the program's own call.
        return unsafe { real(routine, stack, flags, argument, parent_tid, tls, child_tid) };
    };
    let cloned = Cloned {
        routine: watched,
        argument,
    };
    let place = (&raw const cloned).cast_mut().cast::<c_void>();
    // SAFETY: the program's own call. The child has a copy of this frame, and so of `cloned`, at the same address.
    without_handlers("clone", || unsafe {
        real(Some(run_clone), stack, flags, place, parent_tid, tls, child_tid)
    })
}

/// Whether a clone with these flags is a fork.
pub fn copies_memory(flags: c_int) -> bool {
    flags & (libc::CLONE_VM | libc::CLONE_THREAD) == 0
}

unsafe extern "C" fn run_clone(place: *mut c_void) -> c_int {
    after_copy_in_child();
    // SAFETY: `place` is the parent's `cloned`, copied with its memory; the routine and argument are the program's.
    unsafe {
        let cloned = &*place.cast::<Cloned>();
        (cloned.routine)(cloned.argument)
    }
}
