//! The program sets the context of its records.

use super::{reporting, this_thread};
use crate::state::context;
use crate::state::sandbox;
use crate::state::thread::Thread;
use crate::system::errno::KeepErrno;

/// Sets the context from now on.
pub fn set(text: Option<&[u8]>) {
    let _errno = KeepErrno::save();
    if sandbox::is_shut() || this_thread::record().is_none() && Thread::even_if_busy().is_some() {
        // A signal handler interrupted our own code, which may hold the lock taken below.
        return;
    }
    reporting::with_lock(|lock| context::set(lock, text));
}
