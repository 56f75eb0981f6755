//! Examines the other threads before the copy: quickly at every fork, and closely where something may be new.

use super::kept;
use crate::config;
use crate::snapshot::alive::{self, Alive};
use crate::snapshot::fork_snapshot::{self, Settled};
use crate::snapshot::origin::ForkId;
use crate::snapshot::place::PlaceVerdict;
use crate::snapshot::python_locks;
use crate::state::counts;
use crate::state::depot::StackId;
use crate::state::family;
use crate::state::report_lock::ReportLock;
use crate::state::thread::Thread;
use crate::system::big_stack;
use crate::verdict::fork_record::ForkRecord;
use crate::verdict::known::{self, KnownFork};
use crate::verdict::{budget, fork_findings, reported, same_line, strict, suppressions};
use crate::watch::reporting;

/// With this much of the thread's own stack left, the quick look runs there and touches no page of another stack.
const STACK_FOR_QUICK_LOOK: usize = 64 * 1024;

/// The record of a fork; `None` where no other thread is left.
pub(super) fn examine(
    lock: &mut ReportLock,
    thread: &Thread,
    function: &'static str,
    stack: StackId,
    settled: Option<Settled>,
) -> Option<Box<ForkRecord>> {
    let mut fork = look(lock, thread, function, stack, settled.as_ref())?;
    if settled.is_some() || fork.settled.is_some() {
        fork.settled = settled;
    }
    Some(fork)
}

fn look(
    lock: &mut ReportLock,
    thread: &Thread,
    function: &'static str,
    stack: StackId,
    settled: Option<&Settled>,
) -> Option<Box<ForkRecord>> {
    let own = rustix::thread::gettid().as_raw_nonzero().get();
    let quick_look = |lock: &mut ReportLock| {
        let mut look = |alive: &[Alive]| (!alive.is_empty()).then(|| known::examine(lock, function, stack, alive));
        alive::with_recorded(own, &mut look).or_else(|| look(&alive::others(own)))
    };
    let looked = if thread.has_stack_left(STACK_FOR_QUICK_LOOK) {
        big_stack::run_here(|| quick_look(lock))
    } else {
        big_stack::run(lock, quick_look)
    };
    let known = looked.flatten()?;
    let was_reported =
        known.origin.known.is_some() && !config::get().repeat_all && (!known.may_be_new || !budget::begin(lock));
    if is_counted(known.origin.known, was_reported) {
        return Some(kept::counted(lock, known));
    }
    if !reporting::has_memory() {
        return Some(ForkRecord::new(known.origin, None, Vec::new()));
    }
    big_stack::run(lock, |lock| {
        examine_closely(lock, known, was_reported, alive::others(own), settled)
    })
    .flatten()
}

/// Counts a fork about which nothing is new. True if nothing else is to be done.
fn is_counted(known: Option<PlaceVerdict>, was_reported: bool) -> bool {
    match known {
        Some(PlaceVerdict::ExecBound) => {
            counts::EXEC_BOUND_FORKS.add();
            true
        }
        Some(verdict) if was_reported && (!strict::stops_forks() || verdict == PlaceVerdict::Suppressed) => {
            counts::add_repeated_fork(verdict == PlaceVerdict::Suppressed);
            true
        }
        _ => false,
    }
}

/// The record of a fork about which something may be new; `None` where no other thread is left.
fn examine_closely(
    lock: &mut ReportLock,
    known: KnownFork,
    mut was_reported: bool,
    alive: Vec<Alive>,
    settled: Option<&Settled>,
) -> Option<Box<ForkRecord>> {
    let mut origin = known.origin;
    if origin.known.is_none()
        && let Some(place) = same_line::find(lock, &origin)
    {
        origin.place = place;
        origin.known = reported::verdict(lock, place);
        origin.id = fork_findings::id(lock, place).unwrap_or(origin.id);
        was_reported = !fork_findings::takes_more(lock, place);
    }
    family::found();
    // A known place has had other threads before, so nothing is gained by waiting for some to end.
    let alive = if origin.known.is_some() {
        alive
    } else {
        alive::without_those_that_end(alive)
    };
    if alive.is_empty() {
        return None;
    }
    let mut snapshot = fork_snapshot::take(origin, &alive, suppressions::rules().has_thread_rules(), settled);
    let view = snapshot.python.as_ref();
    let python_locks = python_locks::with_holders(view.map_or(&[], |view| &view.held), &alive);
    let mut locks = snapshot.locks.iter();
    was_reported |= !config::get().repeat_all
        && origin.known.is_some()
        && locks.all(|held| known::is_reported(lock, origin.place, held));
    origin.has_holders |= !python_locks.is_empty();
    if let Some(verdict) = origin.known.filter(|_| was_reported && !strict::stops_forks()) {
        budget::end(lock);
        counts::add_repeated_fork(verdict == PlaceVerdict::Suppressed);
        return Some(ForkRecord::new(origin, None, python_locks));
    }
    if origin.known.is_some() && !was_reported {
        // What is new about it is a finding of its own.
        origin.id = ForkId::make();
    }
    snapshot.origin = origin;
    snapshot.reported_before = was_reported;
    Some(ForkRecord::new(origin, Some(snapshot), python_locks))
}
