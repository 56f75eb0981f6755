//! Our own at-fork handlers, and whether other libraries have prepare handlers.
#![expect(unsafe_code, reason = "handing at-fork handlers to libc")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use super::steps::{UNKNOWN_CHILD, after_copy_in_child, after_copy_in_parent, before_copy, settle};
use crate::state::fork_call;
use crate::system::next_definition::Scope;
use crate::system::real::{no_error_number, real_function};

/// An at-fork handler. A thread that is cancelled in one unwinds through it.
pub type Handler = unsafe extern "C-unwind" fn();

/// How many prepare handlers other libraries have. With none, a fork can be refused at its entry. Relaxed: a count.
static FOREIGN_PREPARE_HANDLERS: AtomicU32 = AtomicU32::new(0);

/// Registers our handlers. Called once, by stage one.
pub fn register() {
    // libc's own: another library's definition may not be ready yet.
    real_function!(static REGISTER = c"__register_atfork", Scope::Libc, None, Some(no_error_number));
    type Register = unsafe extern "C" fn(Option<Handler>, Option<Handler>, Option<Handler>, *mut c_void) -> c_int;
    // SAFETY: this is the type of glibc's `__register_atfork` (behind `pthread_atfork` since 2.3.2).
    let register = unsafe { core::mem::transmute::<*mut c_void, Register>(REGISTER.address()) };
    // SAFETY: the handlers live as long as this library, which is never unloaded; null means no library.
    let _unhandled_forks_pass =
        unsafe { register(Some(prepare), Some(in_parent), Some(in_child), core::ptr::null_mut()) };
}

/// Another library has registered a prepare handler.
pub fn note_foreign_prepare_handler() {
    FOREIGN_PREPARE_HANDLERS.fetch_add(1, Ordering::Relaxed);
}

/// Whether another library has registered a prepare handler.
pub fn has_foreign_prepare_handlers() -> bool {
    FOREIGN_PREPARE_HANDLERS.load(Ordering::Relaxed) != 0
}

unsafe extern "C-unwind" fn prepare() {
    before_copy(fork_call::current());
}

unsafe extern "C-unwind" fn in_parent() {
    let hook_reports = fork_call::current().is_some_and(|call| call.function.returns);
    if after_copy_in_parent() && !hook_reports {
        // None of our hooks will see the child's id: the fork bypassed them, or the parent ends inside libc.
        settle(UNKNOWN_CHILD);
    }
}

#[unsafe(link_section = ".text.forkwatch_child")]
unsafe extern "C-unwind" fn in_child() {
    after_copy_in_child();
}
