//! The registration of at-fork handlers. Ours are always registered first: so libc runs our prepare handler last, when every
//! library has settled its own locks, and our child handler first.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use forkwatch_schema::record::Phase;

use super::hooks;
use crate::snapshot::handled_locks;
use crate::watch::fork::handlers::{Handler, note_foreign_prepare_handler};
use crate::watch::{handler, this_thread};

/// `__register_atfork`.
type Register = unsafe extern "C" fn(Option<Handler>, Option<Handler>, Option<Handler>, *mut c_void) -> c_int;

hooks! {
    /// Registers the at-fork handlers of a library: `pthread_atfork` of every program.
    redhook hook __register_atfork(
        prepare: Option<Handler>, parent: Option<Handler>, child: Option<Handler>, library: *mut c_void
    ) -> c_int = |real| register(real, [prepare, parent, child], library);
}

fn register(real: Register, handlers: [Option<Handler>; 3], library: *mut c_void) -> c_int {
    // The first call for a record runs stage one, which registers our handlers.
    this_thread::record();
    let [prepare, parent, child] = handlers;
    if prepare.is_some() {
        note_foreign_prepare_handler();
    }
    if child.is_some() {
        handled_locks::note_child_handler();
    }
    let prepare = handler::timed(Phase::Prepare, prepare);
    let parent = handler::timed(Phase::Parent, parent);
    let child = handler::timed(Phase::Child, child);
    // SAFETY: the library's own call, with handlers that call its own.
    unsafe { real(prepare, parent, child, library) }
}
