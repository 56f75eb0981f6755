//! Strict mode: which forks do not happen, and what happens in their place.
#![expect(unsafe_code, reason = "ending the process")]

use super::{FORKS, PATIENCE, notice_new_process, pending};
use crate::config::{self, Action, Strict};
use crate::snapshot::alive;
use crate::state::fork_call::ForkCall;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::{allocator, process};
use crate::watch::story::Story;
use crate::watch::{counts, report};

/// Under strict, judges the fork now and decides whether it is stopped.
pub(super) fn decide(fork: &mut Story) {
    let strict = config::get().strict;
    if matches!(strict, Strict::Off | Strict::Child) {
        return;
    }
    let Some(moment) = &fork.seen else { return };
    let judgement = allocator::with_scratch(|| report::judge(moment));
    fork.stopped = match strict {
        Strict::Threads => judgement.is_finding(),
        _ => judgement.has_locks(),
    };
    fork.judged = Some(judgement);
}

/// For `FORKWATCH_ACTION=fail` where the fork can be refused at its entry: looks, decides and tells in one go.
pub(super) fn would_be_stopped(call: ForkCall) -> bool {
    if matches!(config::get().strict, Strict::Off | Strict::Child) || alive::is_alone() {
        return false;
    }
    let _keep = KeepErrno::as_it_is();
    let Some(thread) = Thread::current() else {
        return false;
    };
    let _busy = Busy::from_here();
    notice_new_process(thread);
    let looked = FORKS.while_none(PATIENCE, |_| {
        let story = pending::examine(thread, call.way.function, pending::fork_stack(Some(call)));
        let stopped = story.as_ref().is_some_and(|fork| fork.stopped);
        if let Some(mut fork) = story
            && stopped
        {
            Thread::count_fork();
            counts::add_own_forks();
            pending::tell(&mut fork, None);
        }
        stopped
    });
    looked.unwrap_or(false)
}

/// Before the copy of a fork that must not happen. Returns where the action is to let the call fail.
pub(super) fn stop_unless_it_fails() {
    match config::get().action {
        Action::Fail => {}
        Action::Abort => stop_here(None),
        Action::Exit(status) => stop_here(Some(status)),
    }
}

/// Strict, before the copy: tells, and ends the process. Our locks stay as they are; nothing comes after.
fn stop_here(status: Option<u8>) -> ! {
    // SAFETY: this thread holds the report lock.
    if let Some(mut fork) = unsafe { FORKS.take() } {
        pending::tell(&mut fork, None);
    }
    report::summary();
    match status {
        Some(status) => process::exit_now(i32::from(status)),
        // SAFETY: `abort` raises SIGABRT in this thread, as a failed assertion would.
        None => unsafe { libc::abort() },
    }
}
