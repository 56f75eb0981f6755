//! The record of the thread that runs a hook.

use super::{start, thread_record};
use crate::state::sandbox;
use crate::state::thread::Thread;

/// This thread's record, if its hook may touch state; a new one if the thread has none yet. `None` also where a sandbox forbids
/// our system calls.
#[inline(always)]
pub fn record() -> Option<&'static Thread> {
    if sandbox::is_shut() {
        return None;
    }
    match Thread::current() {
        Some(thread) => Some(thread),
        None => new_record(),
    }
}

#[cold]
#[inline(never)]
fn new_record() -> Option<&'static Thread> {
    if Thread::is_unknown() {
        thread_record::adopt(start::stage_one)
    } else {
        Thread::left_by_a_jump()
    }
}
