//! The record of the fork that made this child, where the parent wrote none because its caller is known to do nothing but exec.

use forkwatch_schema::record::Detail;

use crate::sink::output::Shown;
use crate::snapshot::origin::ForkId;
use crate::snapshot::place::PlaceVerdict;
use crate::state::counts;
use crate::state::report_lock::ReportLock;
use crate::system::task;
use crate::verdict::fork_record::{self, ForkRecord};
use crate::verdict::judgement::{Judgement, Outcome};
use crate::watch::fork_judgement::{judge, note_left_out};
use crate::watch::report;

/// Reports the fork of this number, if its parent did not because it took the caller for exec-bound. Returns the fork's id, and
/// whether the parent took it so.
pub(super) fn unless_parent_reports(lock: &mut ReportLock, number: usize) -> (ForkId, bool) {
    let Some(fork) = fork_record::of_mut(lock, number) else {
        return (ForkId::make(), false);
    };
    if let Some(parent_reports) = fork.parent_reports {
        return (fork.origin.id, !parent_reports);
    }
    let parent_reports = match fork.origin.known {
        Some(PlaceVerdict::ExecBound) => false,
        Some(_) => true,
        None => fork
            .seen
            .as_ref()
            .is_none_or(|seen| !matches!(judge(seen, false).outcome, Outcome::ExecBound)),
    };
    fork.parent_reports = Some(parent_reports);
    if parent_reports {
        return (fork.origin.id, false);
    }
    fork.origin.id = ForkId::make();
    let id = fork.origin.id;
    report_fork(lock, number);
    (id, true)
}

/// Writes the record of an exec-bound fork, as its parent would have written it.
fn report_fork(lock: &mut ReportLock, number: usize) {
    let Some(fork) = fork_record::of_mut(lock, number) else {
        return;
    };
    let child = fork.child;
    let Some(judgement) = judge_as_the_parent(fork) else {
        return;
    };
    note_left_out(lock, &judgement);
    let Outcome::Finding(mut record) = judgement.outcome else {
        return;
    };
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.child_pid = Some(child);
        detail.fork.exec_bound = true;
    }
    counts::UNSAFE_FORKS.add();
    report::write(&record, Shown::Whole(None));
}

/// Judges a fork by its parent's snapshot, or else by what the child inherited, with the names that are still known.
fn judge_as_the_parent(fork: &mut ForkRecord) -> Option<Judgement> {
    let mut snapshot = fork.seen.take().or_else(|| fork.inherited.take())?;
    snapshot.origin = fork.origin;
    for thread in snapshot.threads.iter_mut().filter(|thread| thread.name.is_empty()) {
        thread.name = task::name_in(fork.origin.process, thread.tid).unwrap_or_default();
    }
    let judgement = judge(&snapshot, true);
    fork.seen = Some(snapshot);
    Some(judgement)
}
