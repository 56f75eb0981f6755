//! The creation of threads.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use libc::{pthread_attr_t, pthread_t};

use crate::state::thread::Thread;
use crate::system::real::Real;
use crate::watch::{start, thread};

/// What a thread runs. It may be cancelled, so it may unwind.
type StartRoutine = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

redhook::hook! {
    unsafe fn pthread_create(
        thread: *mut pthread_t,
        attributes: *const pthread_attr_t,
        routine: StartRoutine,
        argument: *mut c_void
    ) -> c_int => create {
        let real = redhook::real!(pthread_create);
        let Some(record) = thread::is_created("pthread_create", routine as usize, argument as usize, stack_bytes(attributes)) else {
            // SAFETY: the program's own call.
            return unsafe { real(thread, attributes, routine, argument) };
        };
        let place = core::ptr::from_ref(record).cast_mut().cast::<c_void>();
        // SAFETY: the program's own call, with a routine that runs the program's.
        let result = unsafe { real(thread, attributes, start_routine, place) };
        if result != 0 {
            crate::state::threads::cancel(record);
        }
        result
    }
}

/// `thrd_create` calls libc's own thread creation, so it needs a hook of its own. Missing before glibc 2.28.
static THRD_CREATE: Real = Real::new(c"thrd_create");

// hook thrd_create
/// C11's `thrd_create`.
///
/// # Safety
/// The C standard's conditions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn thrd_create(thread: *mut c_void, routine: StartRoutine, argument: *mut c_void) -> c_int {
    /// `thrd_error` of `threads.h`.
    const ERROR: c_int = 2;
    let real = THRD_CREATE.address();
    if real.is_null() {
        return ERROR;
    }
    // SAFETY: the function of this name has this type; its routine returns an int, in the same register.
    let real = unsafe {
        core::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, StartRoutine, *mut c_void) -> c_int>(real)
    };
    let record = thread::is_created(
        "thrd_create",
        routine as usize,
        argument as usize,
        start::default_stack_bytes(),
    );
    let Some(record) = record else {
        // SAFETY: the program's own call.
        return unsafe { real(thread, routine, argument) };
    };
    let place = core::ptr::from_ref(record).cast_mut().cast::<c_void>();
    // SAFETY: the program's own call, with a routine that runs the program's.
    let result = unsafe { real(thread, start_routine, place) };
    if result != 0 {
        crate::state::threads::cancel(record);
    }
    result
}

/// Runs in the new thread, below the program's code. No value here has a destructor: a cancelled thread unwinds through.
unsafe extern "C-unwind" fn start_routine(place: *mut c_void) -> *mut c_void {
    let here = 0_u8;
    // SAFETY: `place` is the record that `create` passed on, and records are never given back.
    let record: &'static Thread = unsafe { &*place.cast::<Thread>() };
    let Some(origin) = record.origin() else {
        return core::ptr::null_mut();
    };
    thread::begins(record, &raw const here as usize);
    // SAFETY: the program passed this routine and this argument to `pthread_create`.
    unsafe {
        let routine = core::mem::transmute::<usize, StartRoutine>(origin.start_routine);
        routine(origin.argument as *mut c_void)
    }
}

/// The size of the stack that a thread with these attributes gets.
fn stack_bytes(attributes: *const pthread_attr_t) -> usize {
    let mut bytes = 0;
    // SAFETY: the program passes initialised attributes or null.
    if !attributes.is_null() && unsafe { libc::pthread_attr_getstacksize(attributes, &raw mut bytes) } == 0 {
        return bytes;
    }
    start::default_stack_bytes()
}
