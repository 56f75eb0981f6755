//! Strict mode at a fork: which forks are stopped, and what happens instead.
#![expect(unsafe_code, reason = "ending the process")]

use super::{look, report};
use crate::config::{self, Action};
use crate::snapshot::{alive, origin};
use crate::state::counts;
use crate::state::fork_call::ForkCall;
use crate::state::report_lock::ReportLock;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::{allocator, big_stack, process};
use crate::verdict::fork_record::ForkRecord;
use crate::verdict::strict;
use crate::watch::fork_judgement::judge;
use crate::watch::new_process;
use crate::watch::report::summary;
use crate::watch::reporting::{FORKS, TIMEOUT};
use crate::watch::settle as cure;

/// In strict mode, judges the fork now and decides whether it is stopped.
pub(super) fn decide(lock: &mut ReportLock, fork: &mut ForkRecord) {
    if !strict::stops_forks() {
        return;
    }
    let Some(snapshot) = &fork.seen else { return };
    let judged = big_stack::run(lock, |_| allocator::with_scratch(|| judge(snapshot, false)));
    // A fork that was held back until it was safe goes on.
    fork.stopped = fork.settled.is_none()
        && judged
            .as_ref()
            .is_some_and(|judgement| strict::stops_fork(&judgement.outcome));
    fork.judged = judged;
}

/// For `FORKWATCH_ACTION=fail` where the fork can be refused at its entry: examines, decides and reports in one step.
pub(super) fn would_be_stopped(call: ForkCall) -> bool {
    if !strict::stops_forks() || alive::is_alone() {
        return false;
    }
    let _keep = KeepErrno::save();
    let Some(thread) = Thread::current() else {
        return false;
    };
    let _busy = Busy::from_here();
    new_process::catch_up(thread);
    let looked = FORKS.with_lock(TIMEOUT, |lock| {
        let Some(mut fork) = look::examine(
            lock,
            thread,
            call.function.name,
            origin::stack_of(Some(call)),
            cure::look_again(thread),
        ) else {
            return false;
        };
        decide(lock, &mut fork);
        if fork.stopped {
            Thread::count_fork();
            counts::add_own_forks();
            report::report(lock, &mut fork, None);
        }
        fork.stopped
    });
    looked.unwrap_or(false)
}

/// Stops the fork before its copy. Returns only if the action is to let the call fail.
pub(super) fn stop_unless_it_fails(lock: &mut ReportLock, fork: &mut ForkRecord) {
    match config::get().action {
        Action::Fail => {}
        Action::Abort => stop_here(lock, fork, None),
        Action::Exit(status) => stop_here(lock, fork, Some(status)),
    }
}

/// Reports, and ends the process. Our locks stay held; nothing runs afterwards.
fn stop_here(lock: &mut ReportLock, fork: &mut ForkRecord, status: Option<u8>) -> ! {
    report::report(lock, fork, None);
    summary();
    match status {
        Some(status) => process::exit_now(i32::from(status)),
        // SAFETY: `abort` raises SIGABRT in this thread, as a failed assertion would.
        None => unsafe { libc::abort() },
    }
}
