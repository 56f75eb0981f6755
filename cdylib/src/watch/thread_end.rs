//! A thread ends: the locks it still holds are reported, and its record is freed.
#![expect(unsafe_code, reason = "thread-specific data")]

use core::ffi::c_void;

use super::fork::left;
use super::{new_process, report, reporting, thread_record};
use crate::config;
use crate::record;
use crate::snapshot::names;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::depot::NO_STACK;
use crate::state::held::Entry;
use crate::state::report_lock::ReportLock;
use crate::state::thread::{Busy, Thread};
use crate::state::{counts, sandbox, threads};
use crate::system::errno::KeepErrno;
use crate::verdict::{leaked_lock, reported};

/// The rounds of destructors that POSIX guarantees and glibc runs; ours waits for the last, so that other destructors can
/// unlock first.
const LAST_ROUND: u8 = 4;

/// The destructor of our key: runs in the ending thread.
///
/// # Safety
/// `record` is the thread's record, as `thread_record::call_at_end` sets it.
pub unsafe extern "C" fn ends(record: *mut c_void) {
    if sandbox::is_shut() {
        return;
    }
    // SAFETY: the caller's promise; records are never given back.
    let thread = unsafe { &*record.cast::<Thread>() };
    // If the thread was cancelled in an at-fork handler, its fork never returned.
    left::end_left_fork();
    if thread.next_round() < LAST_ROUND {
        thread_record::call_at_end(thread);
        return;
    }
    let _errno = KeepErrno::save();
    let busy = Busy::from_here();
    new_process::catch_up(thread);
    report_leaked_locks(thread);
    counts::add_own_forks();
    counts::add_dropped_locks(thread);
    drop(busy);
    // Before the record is freed, or a signal handler would use a record that already belongs to another thread.
    Thread::stop_following();
    threads::end(thread);
}

fn report_leaked_locks(thread: &Thread) {
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let leaked = leaked_lock::leaked(thread, tid);
    if !leaked.is_empty() {
        reporting::with_lock(|lock| leaked.iter().for_each(|entry| report_leaked_lock(lock, entry, tid)));
    }
}

fn report_leaked_lock(lock: &mut ReportLock, entry: &Entry, tid: i32) {
    let place = Place::of_fork(NO_STACK, 0, None).with_lock(entry, 0);
    if !config::get().repeat_all && reported::verdict(lock, place).is_some() {
        counts::REPEATED.add();
        return;
    }
    reported::remember(lock, place, PlaceVerdict::Reported);
    if let Some(mut resolver) = names::resolver()
        && !leaked_lock::is_by_design(entry, resolver.modules())
    {
        report::finding(record::leaked_lock::content(entry, tid, &mut resolver));
    }
}
