//! The fork family: every function that copies the process.
//!
//! `vfork`, `posix_spawn`, `system` and `popen` are safe by construction and not hooked. None of this uses `redhook`: an at-fork
//! handler may be a cancellation point, and `forkpty` is one, and a cancelled thread unwinds through the hook.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use super::{hand_over_all, hooks, python_lock};
use crate::state::fork_call::{ForkCall, ForkFunction};
use crate::state::stack_cache::Caller;
use crate::system::libc_threads;
use crate::system::next_definition::Scope;
use crate::system::real::{no_such_call, real_function};
use crate::watch;
use crate::watch::fork::steps::after_copy_in_child;
use crate::watch::fork::{with_handlers, without_handlers};

hooks! {
    /// Copies the process.
    child hook fork() -> c_int = |caller, real| with_handlers(call(&FORK, caller), real);
    /// libc's other name of `fork`.
    child hook __fork() -> c_int = |caller, real| with_handlers(call(&INNER_FORK, caller), real);
    /// Copies the process without at-fork handlers (glibc 2.34).
    child hook _Fork() -> c_int, or no_such_call = |caller, real| without_handlers(call(&BARE_FORK, caller), real);
    /// Copies the process, with a terminal for the child.
    hook forkpty(master, name, attributes, size) -> c_int
        = |caller, real| fork_with_terminal(call(&FORKPTY, caller), master, real);
    /// Goes on in a copy in the background.
    hook daemon(stay, keep_streams) -> c_int = |caller, real| with_handlers(call(&DAEMON, caller), real);
    /// Makes a thread, or a process: a fork where it shares neither memory nor thread group.
    entry hook clone;
}

static FORK: ForkFunction = ForkFunction {
    name: "fork",
    returns: true,
};
static INNER_FORK: ForkFunction = ForkFunction {
    name: "__fork",
    returns: true,
};
static BARE_FORK: ForkFunction = ForkFunction {
    name: "_Fork",
    returns: true,
};
static FORKPTY: ForkFunction = ForkFunction {
    name: "forkpty",
    returns: true,
};
static DAEMON: ForkFunction = ForkFunction {
    name: "daemon",
    returns: false,
};
static BY_CLONE: ForkFunction = ForkFunction {
    name: "clone",
    returns: true,
};

fn call(function: &'static ForkFunction, caller: Caller) -> ForkCall {
    watch::python_lock::replace(python_lock::METHODS);
    ForkCall {
        function,
        stack_pointer: caller.stack_pointer,
    }
}

fn fork_with_terminal(call: ForkCall, master: usize, real: impl FnOnce() -> c_int) -> c_int {
    let mut made = -1;
    let result = with_handlers(call, || {
        made = real();
        made
    });
    if result == -1 && made > 0 {
        // Refused after the copy: the program must not be left with a terminal that it does not know about.
        // SAFETY: the real call succeeded, so `master` holds a descriptor that the program does not know yet.
        unsafe { libc::close(*(master as *const c_int)) };
    }
    result
}

type CloneRoutine = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

real_function!(static CLONE = c"clone", Scope::Next, None, Some(no_such_call));

/// What the child of a watched `clone` runs.
struct Cloned {
    routine: CloneRoutine,
    argument: *mut c_void,
}

/// `clone` is variadic, with at most seven arguments.
///
/// # Safety
/// As the real one.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn clone() {
    core::arch::naked_asm!(hand_over_all!(), body = sym watched_clone)
}

unsafe extern "C-unwind" fn watched_clone(
    routine: Option<CloneRoutine>,
    stack: usize,
    flags: c_int,
    argument: *mut c_void,
    parent_tid: usize,
    tls: usize,
    child_tid: usize,
    _eighth: usize,
    _return_address: usize,
    stack_pointer: usize,
) -> c_int {
    type Clone =
        unsafe extern "C-unwind" fn(Option<CloneRoutine>, usize, c_int, *mut c_void, usize, usize, usize) -> c_int;
    // SAFETY: the function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Clone>(CLONE.address()) };
    if flags & libc::CLONE_THREAD != 0 {
        libc_threads::note_one_around_libc();
    }
    let Some(watched) = routine.filter(|_| copies_memory(flags) && stack != 0) else {
        // No copy of the process, or one that libc refuses.
        // SAFETY: the program's own call.
        return unsafe { real(routine, stack, flags, argument, parent_tid, tls, child_tid) };
    };
    let cloned = Cloned {
        routine: watched,
        argument,
    };
    let place = (&raw const cloned).cast_mut().cast::<c_void>();
    let call = ForkCall {
        function: &BY_CLONE,
        stack_pointer,
    };
    // SAFETY: the program's own call. The child has a copy of this frame, and so of `cloned`, at the same address.
    without_handlers(call, || unsafe {
        real(Some(run_clone), stack, flags, place, parent_tid, tls, child_tid)
    })
}

/// Whether a clone with these flags is a fork.
pub fn copies_memory(flags: c_int) -> bool {
    flags & (libc::CLONE_VM | libc::CLONE_THREAD) == 0
}

unsafe extern "C-unwind" fn run_clone(place: *mut c_void) -> c_int {
    after_copy_in_child();
    // SAFETY: `place` is the parent's `cloned`, copied with its memory; the routine and argument are the program's.
    unsafe {
        let cloned = &*place.cast::<Cloned>();
        (cloned.routine)(cloned.argument)
    }
}
