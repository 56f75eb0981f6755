//! A thread is being created.

use super::{child, new_process, settle, this_thread};
use crate::config;
use crate::state::depot::{self, NO_STACK};
use crate::state::thread::{Busy, Origin, Thread};
use crate::state::{counts, stack_cache, threads, unwind};
use crate::system::errno::KeepErrno;
use crate::system::{process, python};

/// This function is creating a thread: reserves a record for it. `None`: it runs unwatched.
pub fn begins(
    function: &'static str,
    start_routine: usize,
    argument: usize,
    stack_bytes: usize,
) -> Option<&'static Thread> {
    let errno = KeepErrno::save();
    let thread = this_thread::record()?;
    settle::python::arrange();
    child::creates_thread(thread, function, core::ptr::from_ref(&errno) as usize);
    let _busy = Busy::from_here();
    new_process::catch_up(thread);
    counts::add_own_forks();
    let created = match stack_cache::depth() {
        0 => NO_STACK,
        depth => depot::intern(unwind::walk_from_caller(depth).frames()),
    };
    let creator = rustix::thread::gettid().as_raw_nonzero().get();
    if creator == process::id() && config::get().python {
        python::search();
    }
    threads::reserve(Origin {
        start_routine,
        argument,
        created,
        creator,
        stack_bytes,
    })
}
