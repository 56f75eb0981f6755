//! Reports a fork: judges it, unless strict mode has done so, then counts, writes and remembers it.

use forkwatch_schema::record::{Detail, Record};

use crate::config;
use crate::snapshot::fork_snapshot::ForkSnapshot;
use crate::snapshot::place::PlaceVerdict;
use crate::state::counts;
use crate::state::report_lock::ReportLock;
use crate::verdict::fork_record::ForkRecord;
use crate::verdict::judgement::Outcome;
use crate::verdict::{budget, reported, reported_names, strict};
use crate::watch::fork_judgement::{judge, note_left_out};
use crate::watch::{report, reporting};

/// Reports a fork, if it is a finding. `child` is the child's id, where the parent knows it.
pub(super) fn report(lock: &mut ReportLock, fork: &mut ForkRecord, child: Option<i32>) {
    let judged = fork.judged.take();
    let Some(snapshot) = &fork.seen else { return };
    let stopped = fork.stopped;
    reporting::in_own_memory(lock, |lock| {
        let judgement = judged.unwrap_or_else(|| judge(snapshot, false));
        note_left_out(lock, &judgement);
        match judgement.outcome {
            Outcome::Nothing => {}
            Outcome::ExecBound => counts::EXEC_BOUND_FORKS.add(),
            Outcome::Finding(_) if snapshot.reported_before => counts::add_repeated_fork(false),
            Outcome::Finding(record) => finding(lock, *record, child, stopped),
        }
        remember(lock, snapshot);
    });
}

fn finding(lock: &mut ReportLock, mut record: Record, child: Option<i32>, stopped: bool) {
    let is_first = reported::is_first(lock, &record.fingerprint);
    if !is_first && !stopped && !config::get().repeat_all {
        counts::add_repeated_fork(false);
        return;
    }
    counts::UNSAFE_FORKS.add();
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.child_pid = child;
    }
    report::write(&record, stopped.then(strict::option_for_forks));
}

/// Remembers the fork and its locks as reported; what was found harmless or suppressed stays so.
fn remember(lock: &mut ReportLock, snapshot: &ForkSnapshot) {
    reported_names::remember(lock, snapshot);
    let place = snapshot.origin.place;
    reported::remember_fork(lock, place, snapshot.origin.id);
    let locks = snapshot.locks.iter();
    let by_hooks = locks.clone().filter(|lock| lock.python.is_none());
    let themselves = by_hooks.map(|lock| place.with_lock_itself(&lock.entry));
    for place in locks.map(|lock| lock.place(place)).chain(themselves).chain([place]) {
        if reported::verdict(lock, place).is_none() {
            reported::remember(lock, place, PlaceVerdict::Reported);
        }
    }
    budget::end(lock);
}
