//! Whether a forked child's call on an orphan is a finding.

use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{Frame, PythonFrame};

use super::own_locks::Interpreter;
use super::{fork_record, parent, reported_names};
use crate::config;
use crate::snapshot::lock_identity::LockIdentity;
use crate::snapshot::lock_memory;
use crate::snapshot::names::frames;
use crate::snapshot::other_threads::OtherThread;
use crate::snapshot::python;
use crate::state::held::{Entry, Object};
use crate::state::orphans::{Orphan, Reported};
use crate::state::report_lock::ReportLock;
use crate::state::{depot, libc_regions};
use crate::system::task;
use crate::verdict::suppressions;

/// Whether it is a finding.
#[derive(Debug)]
pub enum Verdict {
    /// It is not: the lock is shared between processes, or CPython repairs it.
    Harmless,
    /// A rule suppresses it.
    Suppressed,
    /// It is one.
    Finding(Evidence),
}

/// What is known of the lock.
#[derive(Debug)]
pub struct Evidence {
    /// Whether the call waits for the lock, rather than only trying it.
    pub blocks: bool,
    /// Whether the call is sure never to return.
    pub never_returns: bool,
    /// Whether libc ends the process instead of waiting.
    pub aborts: bool,
    /// The name of the thread that held it.
    pub owner: Option<String>,
    /// What it is called, and what makes it the same lock elsewhere.
    pub identity: LockIdentity,
    /// Where it was taken.
    pub acquired_stack: Vec<Frame>,
    /// Where Python code took it, where its frames showed that at the fork.
    pub acquired_python_stack: Option<Vec<PythonFrame>>,
}

/// Judges a call on this orphan. `certain` says that the lock is what the call asks for.
pub fn judge(lock: &ReportLock, orphan: &Orphan, how: Reported, certain: bool, resolver: &mut Resolver) -> Verdict {
    let blocks = how == Reported::Block;
    let entry = &orphan.entry;
    if entry.object != Object::LibcRegion && resolver.modules().is_shared_mapping(entry.address) {
        return Verdict::Harmless;
    }
    // CPython tries its own locks to see whether they are locked, and repairs them.
    if !blocks && Interpreter::find(resolver.modules()).is_some_and(|python| python.owns(resolver.modules(), entry)) {
        return Verdict::Harmless;
    }
    let acquired_stack = frames(resolver, depot::frames(entry.stack), false);
    let name = match libc_regions::at(entry.address) {
        Some(region) => Some(region.name.to_owned()),
        None => python_name(lock, orphan),
    };
    let identity = LockIdentity::new(entry, name, &acquired_stack, resolver);
    let owner = parent::name_of_owner(lock, orphan);
    let rules = suppressions::rules();
    let mut thread_is_harmless = || {
        let start = parent::start_routine_of_owner(lock, orphan, resolver);
        rules.thread_is_harmless(owner.as_deref().unwrap_or_default(), start.as_deref(), None)
    };
    let lock_is_harmless = rules.lock_is_harmless(identity.name.as_deref(), Some(&identity.id), &acquired_stack);
    if lock_is_harmless || rules.has_thread_rules() && thread_is_harmless() {
        return Verdict::Suppressed;
    }
    Verdict::Finding(Evidence {
        blocks,
        never_returns: blocks && certain && (entry.object != Object::LibcRegion || slept_in_call(lock, orphan)),
        aborts: blocks && is_refused_by_kernel(lock, orphan),
        owner,
        identity,
        acquired_stack,
        acquired_python_stack: taken_in_python(lock, orphan),
    })
}

/// Whether the holder of a lock inside libc was seen to sleep in the call at the fork, not for another lock. One that ran may not have taken
/// the lock yet, or have released it.
fn slept_in_call(lock: &ReportLock, orphan: &Orphan) -> bool {
    let seen = fork_record::of(lock, orphan.fork).and_then(|fork| fork.seen.as_ref());
    let sleeps = |thread: &OtherThread| thread.tid == orphan.owner && thread.blocked.is_some();
    seen.is_some_and(|seen| seen.threads.iter().any(sleeps))
}

/// Whether the kernel refuses to wait for the lock: a mutex that inherits priority whose owner is a thread of another process. libc
/// then aborts. It asks for a robust one as if processes shared it, and the kernel waits as long as the owner lives.
fn is_refused_by_kernel(lock: &ReportLock, orphan: &Orphan) -> bool {
    let memory = ProcessMemory::own();
    let parent = fork_record::of(lock, orphan.fork).map_or(orphan.owner, |fork| fork.origin.process);
    let Entry { object, address, .. } = orphan.entry;
    lock_memory::inherits_priority(memory, object, address)
        && !lock_memory::is_robust_mutex(memory, object, address)
        && task::name_in(parent, orphan.owner).is_some()
}

/// Where Python code took the lock: what the parent saw, and of a lock of the forking thread what its copy still shows.
fn taken_in_python(lock: &ReportLock, orphan: &Orphan) -> Option<Vec<PythonFrame>> {
    if !config::get().python {
        return None;
    }
    let (address, fork) = (orphan.entry.address, fork_record::of(lock, orphan.fork)?);
    if fork.origin.thread == orphan.owner {
        return python::where_taken(address, config::get().depth);
    }
    fork.seen.as_ref()?.python.as_ref()?.taken.get(&address).cloned()
}

/// Python's name for the lock: preferably from what the parent saw, else from this child's own frames.
fn python_name(lock: &ReportLock, orphan: &Orphan) -> Option<String> {
    if !config::get().python || !orphan.entry.object.may_signal() {
        return None;
    }
    let address = orphan.entry.address;
    let seen = fork_record::of(lock, orphan.fork).and_then(|fork| fork.seen.as_ref()?.python.as_ref());
    let by_parent = seen
        .and_then(|view| view.lock(address))
        .map(|named| named.name.as_str());
    by_parent
        .or_else(|| reported_names::of_lock(lock, address))
        .map(str::to_owned)
        .or_else(|| python::name_from_here(address))
}
