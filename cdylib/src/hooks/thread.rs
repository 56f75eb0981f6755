//! The creation of threads.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use libc::{pthread_attr_t, pthread_t};

use super::{hand_over, hooks, python_lock};
use crate::state::thread::Thread;
use crate::system::next_definition::Scope;
use crate::system::real::{no_c11_threads, no_error_number, real_function};
use crate::watch::{self, handler_call, start, thread_creation, thread_record};

/// What a thread runs. It may be cancelled, so it may unwind.
type StartRoutine = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

hooks! {
    /// Makes a thread.
    entry hook pthread_create;
    /// Waits until a thread has ended.
    hook pthread_join(thread, result) -> c_int, or no_error_number
        = |caller, real| handler_call::join(thread, result, caller, real);
    /// Makes a thread of C11. It calls libc's own thread creation, so it needs a hook of its own.
    entry hook thrd_create;
}

real_function!(static PTHREAD_CREATE = c"pthread_create", Scope::Next, None, Some(no_error_number));
real_function!(static THRD_CREATE = c"thrd_create", Scope::Next, None, Some(no_c11_threads));

/// `pthread_create`.
///
/// # Safety
/// As the real one.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_create() {
    core::arch::naked_asm!(hand_over!(thread, attributes, routine, argument), body = sym create_posix)
}

unsafe extern "C-unwind" fn create_posix(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    type Create =
        unsafe extern "C-unwind" fn(*mut pthread_t, *const pthread_attr_t, StartRoutine, *mut c_void) -> c_int;
    // SAFETY: the function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Create>(PTHREAD_CREATE.address()) };
    create(
        "pthread_create",
        routine,
        argument,
        stack_bytes(attributes),
        |routine, argument| {
            // SAFETY: the program's own call, with its own routine or one that runs it.
            unsafe { real(thread, attributes, routine, argument) }
        },
    )
}

/// C11's `thrd_create`. Its routine returns an int, in the same register as a pointer.
///
/// # Safety
/// The C standard's conditions.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn thrd_create() {
    core::arch::naked_asm!(hand_over!(thread, routine, argument), body = sym create_c11)
}

unsafe extern "C-unwind" fn create_c11(thread: *mut c_void, routine: StartRoutine, argument: *mut c_void) -> c_int {
    type Create = unsafe extern "C-unwind" fn(*mut c_void, StartRoutine, *mut c_void) -> c_int;
    // SAFETY: the function of this name has this type.
    let real = unsafe { core::mem::transmute::<*mut c_void, Create>(THRD_CREATE.address()) };
    create(
        "thrd_create",
        routine,
        argument,
        start::default_stack_bytes(),
        |routine, argument| {
            // SAFETY: the program's own call, with its own routine or one that runs it.
            unsafe { real(thread, routine, argument) }
        },
    )
}

fn create(
    function: &'static str,
    routine: StartRoutine,
    argument: *mut c_void,
    stack_bytes: usize,
    real: impl FnOnce(StartRoutine, *mut c_void) -> c_int,
) -> c_int {
    let Some(record) = thread_creation::begins(function, routine as usize, argument as usize, stack_bytes) else {
        return real(routine, argument);
    };
    watch::python_lock::replace(python_lock::METHODS);
    let place = core::ptr::from_ref(record).cast_mut().cast::<c_void>();
    let result = real(start_routine, place);
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
    thread_record::begin(record, &raw const here as usize);
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
