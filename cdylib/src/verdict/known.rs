//! What is already known about a fork, without asking the kernel: whether anything about it can be new.

use crate::config;
use crate::snapshot::alive::Alive;
use crate::snapshot::fork_snapshot::HeldLock;
use crate::snapshot::origin::{ForkId, ForkOrigin};
use crate::snapshot::other_threads;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::snapshot::python;
use crate::state::depot::StackId;
use crate::state::held::Entry;
use crate::state::report_lock::ReportLock;
use crate::system::process;
use crate::system::python as interpreter;
use crate::verdict::fork_findings;
use crate::verdict::reported;
use crate::verdict::suppressions;

/// What is known about a fork.
#[derive(Debug)]
pub struct KnownFork {
    /// What the child must know about it.
    pub origin: ForkOrigin,
    /// Whether something about it may be new; never so if its caller does nothing but exec.
    pub may_be_new: bool,
}

/// The place of a fork that was called here, while these threads are alive.
pub fn place(lock: &ReportLock, stack: StackId, alive: &[Alive]) -> Place {
    let python = if config::get().python { python::place() } else { 0 };
    let place = Place::of_fork(stack, python, suppressions::rules().has_thread_rules().then_some(alive));
    fork_findings::same_line(lock, place)
}

/// Quickly examines a fork while these threads are alive.
pub fn examine(lock: &mut ReportLock, function: &'static str, stack: StackId, alive: &[Alive]) -> KnownFork {
    let config = config::get();
    let place = place(lock, stack, alive);
    let known = reported::verdict(lock, place);
    let origin = ForkOrigin {
        id: fork_findings::id(lock, place).unwrap_or_else(ForkId::make),
        function,
        stack,
        place,
        known,
        thread: rustix::thread::gettid().as_raw_nonzero().get(),
        process: process::id(),
        has_interpreter_lock: config.python && python::is_locked_by_this_thread(),
        has_holders: other_threads::held(alive).next().is_some(),
    };
    let may_be_new = match known {
        None => true,
        Some(PlaceVerdict::ExecBound) => false,
        Some(_) => config.repeat_all || fork_findings::takes_more(lock, place) && has_new_lock(lock, place, alive),
    };
    KnownFork { origin, may_be_new }
}

/// Whether a lock is held at this fork that was not reported at an earlier fork of this place.
fn has_new_lock(lock: &ReportLock, place: Place, alive: &[Alive]) -> bool {
    /// No more are read: the closer examination decides.
    const MAX_READ: usize = 64;
    let mut last = None;
    let mut is_reported_where_taken = |entry: &Entry, holder: usize| {
        // A thread that takes many locks takes many of them in one place.
        let taken = (entry.stack, entry.made, entry.object, holder);
        match last {
            Some((before, is_reported)) if before == taken => is_reported,
            _ => {
                let is_reported = reported::verdict(lock, place.with_lock(entry, holder)).is_some();
                last = Some((taken, is_reported));
                is_reported
            }
        }
    };
    let new = other_threads::held(alive).filter(|(holder, entry)| {
        let holder = holder.start_routine();
        let is_known_there = is_known_by_its_place(entry) && is_reported_where_taken(entry, holder);
        !is_known_there && !is_reported_itself(lock, place, entry, holder)
    });
    let is_held = |(read, (holder, entry)): (usize, (Alive, Entry))| {
        read >= MAX_READ || other_threads::is_held(&entry, holder.tid)
    };
    new.enumerate().any(is_held)
}

/// Whether a lock that is held at a fork of this place was reported at an earlier one.
pub fn is_reported(lock: &ReportLock, place: Place, held: &HeldLock) -> bool {
    let is_by_place = held.python.is_some() || is_known_by_its_place(&held.entry);
    is_by_place && reported::verdict(lock, held.place(place)).is_some()
        || held.python.is_none() && is_reported_itself(lock, place, &held.entry, held.started_with)
}

/// Whether two locks that were taken at one place are as good as one. The interpreter takes all of Python's locks at one place.
fn is_known_by_its_place(entry: &Entry) -> bool {
    !entry.object.may_signal() || interpreter::found().is_none()
}

/// Whether this very lock was reported at a fork of this place, taken by the same call in a thread that started alike.
fn is_reported_itself(lock: &ReportLock, place: Place, entry: &Entry, holder: usize) -> bool {
    reported::verdict(lock, place.with_lock_itself(entry, holder)).is_some()
}
