//! Whether a lock that a forked child found free could as well have been held at the fork, by a thread that takes it, too.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{Frame, PythonFrame};

use super::own_locks::Interpreter;
use super::{fork_record, parent, reported_names, suppressions};
use crate::config;
use crate::snapshot::lock_identity::LockIdentity;
use crate::snapshot::names::frames;
use crate::snapshot::{python, python_place};
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object, Stage};
use crate::state::libc_regions;
use crate::state::report_lock::ReportLock;
use crate::state::takers::{self, Taken};

/// A thread of the parent that takes the lock.
#[derive(Clone, Copy, Debug)]
pub struct Taker {
    /// The thread's id.
    pub tid: i32,
    /// The lock.
    pub address: usize,
    /// How it takes the lock.
    pub taken: Taken,
}

impl Taker {
    /// The entry that the thread would have in its table while it holds the lock.
    pub fn entry(&self) -> Entry {
        Entry {
            address: self.address,
            object: self.taken.object,
            stage: Stage::Held,
            stack: self.taken.stack,
            made: NO_STACK,
            stack_pointer: 0,
        }
    }
}

/// Whether it is a finding.
#[derive(Debug)]
pub enum Verdict {
    /// It is not: the thread cannot have held the lock at the fork, or the lock is not copied.
    Harmless,
    /// A rule suppresses it.
    Suppressed,
    /// It is one.
    Finding(Evidence),
}

/// What is known of the lock.
#[derive(Debug)]
pub struct Evidence {
    /// The name of the thread.
    pub owner: Option<String>,
    /// What it is called, and what makes it the same lock elsewhere.
    pub identity: LockIdentity,
    /// Where that thread takes it.
    pub acquired_stack: Vec<Frame>,
    /// The same in Python code; `None` where it runs none.
    pub acquired_python_stack: Option<Vec<PythonFrame>>,
    /// Whether Python code takes it, rather than a library's.
    pub is_pythons: bool,
}

/// Judges a free lock that this thread takes.
pub fn judge(lock: &ReportLock, taker: &Taker, resolver: &mut Resolver) -> Verdict {
    let Taker { address, taken, .. } = taker;
    let is_libcs = taken.object == Object::LibcRegion;
    if !is_libcs && resolver.modules().is_shared_mapping(*address) {
        return Verdict::Harmless;
    }
    // The lock itself may be one of them: a library's prepare handler took it, and its child handler made it anew in place.
    let was_excluded = |lock: &usize| *lock != 0 && takers::was_held_by_forking(*lock);
    if was_excluded(address) || taken.gates.iter().any(was_excluded) {
        return Verdict::Harmless;
    }
    let mut is_pythons = false;
    if let Some(interpreter) = Interpreter::find(resolver.modules()) {
        is_pythons = taken.object.may_signal() && interpreter.is_innermost_in(resolver.modules(), taken.stack);
        if is_shut_out(lock, taken) && !is_pythons || interpreter.owns(resolver.modules(), &taker.entry()) {
            return Verdict::Harmless;
        }
    }
    let acquired_stack = frames(resolver, depot::frames(taken.stack), false);
    let name = match libc_regions::at(*address) {
        Some(region) => Some(region.name.to_owned()),
        None => python_name(lock, taker),
    };
    let identity = LockIdentity::new(&taker.entry(), name, &acquired_stack, resolver);
    let owner = parent::name_of_lost_thread(lock, taker.tid);
    let rules = suppressions::rules();
    let thread_is_harmless = rules.has_thread_rules() && {
        let start = parent::start_routine_of_lost(lock, fork_record::newest_number(), taker.tid, resolver);
        rules.thread_is_harmless(owner.as_deref().unwrap_or_default(), start.as_deref(), None)
    };
    if thread_is_harmless || rules.lock_is_harmless(identity.name.as_deref(), Some(&identity.id), &acquired_stack) {
        return Verdict::Suppressed;
    }
    Verdict::Finding(Evidence {
        owner,
        identity,
        acquired_stack,
        acquired_python_stack: python_place::frames(taken.python),
        is_pythons,
    })
}

/// Whether the forking thread had the interpreter lock, without which the other thread never had this one. Code of Python's own locks
/// may be interrupted anywhere, so that rule is none for them.
fn is_shut_out(lock: &ReportLock, taken: &Taken) -> bool {
    let had_lock = fork_record::newest(lock).is_some_and(|fork| fork.origin.has_interpreter_lock);
    had_lock && taken.under_interpreter_lock
}

fn python_name(lock: &ReportLock, taker: &Taker) -> Option<String> {
    if !config::get().python || !taker.taken.object.may_signal() {
        return None;
    }
    let known = reported_names::of_lock(lock, taker.address).map(str::to_owned);
    known.or_else(|| python::name_from_here(taker.address))
}
