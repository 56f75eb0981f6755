//! Reports a fork: judges it, unless strict mode has done so, then counts, writes and remembers it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeSet;

use forkwatch_schema::record::{Detail, Lock, Record, Thread, UnsafeFork};
use forkwatch_text::headline;

use crate::config;
use crate::record::lock::address;
use crate::sink::output::{self, Shown};
use crate::snapshot::fork_snapshot::{ForkSnapshot, HeldLock};
use crate::snapshot::handled_locks;
use crate::snapshot::place::PlaceVerdict;
use crate::state::counts;
use crate::state::report_lock::ReportLock;
use crate::system::python;
use crate::verdict::fork_findings::{self, Addition};
use crate::verdict::fork_record::ForkRecord;
use crate::verdict::judgement::Outcome;
use crate::verdict::{budget, known, reported, reported_names, strict, suppressions};
use crate::watch::fork_judgement::{judge, note_left_out};
use crate::watch::{report, reporting};

/// Reports a fork, if it is a finding. `child` is the child's id, where the parent knows it.
pub(super) fn report(lock: &mut ReportLock, fork: &mut ForkRecord, child: Option<i32>) {
    let judged = fork.judged.take();
    let handled = fork.handled.take().filter(|_| child.is_some());
    if let (Some(page), Some(seen)) = (handled, &mut fork.seen) {
        seen.made_anew = handled_locks::answer(&page);
    }
    let Some(snapshot) = &fork.seen else { return };
    let stopped = fork.stopped;
    reporting::in_own_memory(lock, |lock| {
        let judgement = judged.unwrap_or_else(|| judge(snapshot, false));
        note_left_out(lock, &judgement);
        match judgement.outcome {
            Outcome::Nothing => {}
            Outcome::ExecBound => counts::EXEC_BOUND_FORKS.add(),
            Outcome::Finding(_) if snapshot.reported_before => counts::add_repeated_fork(false),
            Outcome::Finding(record) => finding(lock, snapshot, *record, child, stopped),
        }
        remember(lock, snapshot);
    });
}

fn finding(lock: &mut ReportLock, snapshot: &ForkSnapshot, mut record: Record, child: Option<i32>, stopped: bool) {
    let place = snapshot.origin.place;
    let addition = match fork_findings::add(lock, place, &record) {
        _ if stopped || config::get().repeat_all => Addition::Finding,
        addition => addition,
    };
    if addition == Addition::Nothing {
        counts::add_repeated_fork(false);
        return;
    }
    counts::UNSAFE_FORKS.add();
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.child_pid = child;
        if matches!(addition, Addition::Lock | Addition::Fork) {
            keep_what_is_new(detail, |held| known::is_reported(lock, place, held), snapshot);
            record.message = headline(&record);
        }
    }
    match addition {
        Addition::Finding => report::write(&record, Shown::Whole(stopped.then(strict::option_for_forks))),
        Addition::FirstLock | Addition::Lock => report::write(&record, Shown::Briefly),
        Addition::Fork | Addition::Nothing => report::write(&record, Shown::InRecordsOnly),
    }
    say_if_python_is_unknown();
    // With rules about threads, a line is judged again for others.
    if !suppressions::rules().has_thread_rules() {
        fork_findings::join(lock, place, &record.fingerprint);
    }
}

/// A finding in a Python program without anything of Python: says why, once.
fn say_if_python_is_unknown() {
    /// Relaxed: one exchange wins.
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    let version = python::unknown().filter(|_| config::get().python);
    if let Some(version) = version
        && !IS_SAID.swap(true, Ordering::Relaxed)
    {
        output::write_sentence(&format!(
            "CPython {version} is not known to this version of forkwatch, so findings have no Python stacks, and no names of \
             Python's threads and locks. A newer version may know it; with CPython 3.6 to 3.15, this one has them."
        ));
    }
}

/// Leaves a record the locks that were not reported at this line before, and their holders; all of them if no such lock can hang a child.
fn keep_what_is_new(detail: &mut UnsafeFork, is_reported: impl Fn(&HeldLock) -> bool, snapshot: &ForkSnapshot) {
    let new = snapshot.locks.iter().filter(|held| !is_reported(held));
    let new: BTreeSet<String> = new.map(|held| address(held.entry.address)).collect();
    let can_hang = |lock: &Lock| !lock.made_anew && new.contains(&lock.address);
    if !detail.locks.iter().any(can_hang) {
        return;
    }
    detail.locks.retain(|lock| new.contains(&lock.address));
    let is_holder = |thread: &Thread| detail.locks.iter().any(|lock| lock.owner_tid == Some(thread.tid));
    detail.threads.retain(is_holder);
}

/// Remembers the fork and its locks as reported; what was found harmless or suppressed stays so.
fn remember(lock: &mut ReportLock, snapshot: &ForkSnapshot) {
    reported_names::remember(lock, snapshot);
    let place = snapshot.origin.place;
    fork_findings::remember(lock, place, snapshot.origin.id);
    let locks = snapshot.locks.iter();
    let by_hooks = locks.clone().filter(|lock| lock.python.is_none());
    let themselves = by_hooks.map(|lock| place.with_lock_itself(&lock.entry, lock.started_with));
    for place in locks.map(|lock| lock.place(place)).chain(themselves).chain([place]) {
        if reported::verdict(lock, place).is_none() {
            reported::remember(lock, place, PlaceVerdict::Reported);
        }
    }
    budget::end(lock);
}
