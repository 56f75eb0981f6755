//! The registration of at-fork handlers. Ours come first, whoever registers first: prepare handlers then run ours last, when
//! every library has settled its own locks, and child handlers run ours first.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::{c_int, c_void};

use forkwatch_schema::record::Phase;

use crate::watch::fork::{self, Handler};
use crate::watch::handler;

redhook::hook! {
    unsafe fn __register_atfork(
        prepare: Option<Handler>,
        parent: Option<Handler>,
        child: Option<Handler>,
        library: *mut c_void
    ) -> c_int => register {
        // Meeting this thread starts stage one, which registers ours.
        crate::watch::thread::current();
        if prepare.is_some() {
            fork::note_foreign_prepare_handler();
        }
        let prepare = handler::timed(Phase::Prepare, prepare);
        let parent = handler::timed(Phase::Parent, parent);
        let child = handler::timed(Phase::Child, child);
        // SAFETY: the library's own call, with handlers that call its own.
        unsafe { redhook::real!(__register_atfork)(prepare, parent, child, library) }
    }
}
