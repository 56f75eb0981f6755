//! Whether a fork while other threads are alive is a finding: judges its caller, the threads and the locks one by one, and leaves
//! out what does not count.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{Frame, PythonFrame};

use super::exec_bound;
use super::own_locks::Interpreter;
use crate::snapshot::fork_snapshot::{ForkSnapshot, HeldLock};
use crate::snapshot::lock_identity::LockIdentity;
use crate::snapshot::names::frames;
use crate::snapshot::other_threads::OtherThread;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::held::Object;
use crate::state::{depot, libc_regions};
use crate::system::printable::printable;
use crate::verdict::suppressions;

/// Whether it is a finding.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// A rule suppresses every other thread.
    Suppressed,
    /// The caller does nothing but exec.
    ExecBound,
    /// It is one.
    Finding(Evidence<'a>),
}

/// What matters about a fork.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Where it was called.
    pub stack: Vec<Frame>,
    /// The threads that no rule calls harmless.
    pub threads: Vec<RelevantThread<'a>>,
    /// The locks that these threads hold, or threads that were not examined.
    pub locks: Vec<RelevantLock<'a>>,
    /// The locks that a settled fork waited for.
    pub waited_for: Vec<RelevantLock<'a>>,
    /// Whether the program runs CPython.
    pub is_python: bool,
}

/// A thread that no rule calls harmless.
#[derive(Debug)]
pub struct RelevantThread<'a> {
    /// The thread.
    pub thread: &'a OtherThread,
    /// Its name.
    pub name: String,
    /// The name of the function that it started with.
    pub start_routine: Option<String>,
}

/// A lock that can harm the child.
#[derive(Debug)]
pub struct RelevantLock<'a> {
    /// The lock.
    pub lock: &'a HeldLock,
    /// What it is called, and what makes it the same lock elsewhere.
    pub identity: LockIdentity,
    /// Where it was taken.
    pub acquired_stack: Vec<Frame>,
    /// Where Python code took it, where its frames show that.
    pub acquired_python_stack: Option<Vec<PythonFrame>>,
    /// Whether the child makes it anew before it needs it.
    pub is_made_anew: bool,
}

/// The threads and locks that do not count as evidence.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// The threads and locks that a rule suppressed.
    pub suppressed: u64,
    /// The places that need not be judged again, and why.
    pub places: Vec<(Place, PlaceVerdict)>,
}

/// Judges a fork. `although_exec_bound` says that its child is known to have done more than exec.
pub fn judge<'a>(
    snapshot: &'a ForkSnapshot,
    although_exec_bound: bool,
    resolver: &mut Resolver,
) -> (Verdict<'a>, LeftOut) {
    let mut left_out = LeftOut::default();
    let place = snapshot.origin.place;
    let addresses = depot::frames(snapshot.origin.stack);
    let stack = frames(resolver, addresses, false);
    let interpreter = Interpreter::find(resolver.modules());
    let interpreter = interpreter.as_ref();
    let python = snapshot.python.as_ref().and_then(|view| view.own.as_deref());
    if !although_exec_bound && is_exec_bound(addresses, &stack, python, interpreter) {
        left_out.places.push((place, PlaceVerdict::ExecBound));
        return (Verdict::ExecBound, left_out);
    }
    let threads = threads(snapshot, resolver);
    left_out.suppressed += (snapshot.threads.len() - threads.len()) as u64;
    if threads.is_empty() {
        left_out.places.push((place, PlaceVerdict::Suppressed));
        return (Verdict::Suppressed, left_out);
    }
    let held = locks(
        snapshot,
        &snapshot.locks,
        &threads,
        interpreter,
        resolver,
        &mut left_out,
    );
    let waited_for = snapshot.settled.as_ref().map_or(&[][..], |settled| &settled.waited_for);
    // What a rule silences here must still be reported where it is held.
    let waited_for = locks(
        snapshot,
        waited_for,
        &threads,
        interpreter,
        resolver,
        &mut LeftOut::default(),
    );
    let evidence = Evidence {
        stack,
        threads,
        locks: held,
        waited_for,
        is_python: interpreter.is_some(),
    };
    (Verdict::Finding(evidence), left_out)
}

/// Whether a fork's caller does nothing but exec.
pub fn is_exec_bound(
    addresses: &[usize],
    stack: &[Frame],
    python: Option<&[PythonFrame]>,
    interpreter: Option<&Interpreter>,
) -> bool {
    interpreter.is_some_and(|interpreter| interpreter.is_fork_exec(addresses))
        || exec_bound::exec_bound(stack).is_some()
        || python.is_some_and(|frames| exec_bound::python::exec_bound(frames).is_some())
}

fn threads<'a>(snapshot: &'a ForkSnapshot, resolver: &mut Resolver) -> Vec<RelevantThread<'a>> {
    let rules = suppressions::rules();
    let mut relevant = Vec::new();
    for thread in &snapshot.threads {
        let name = printable(&thread.name);
        let start = thread.origin.map(|origin| origin.start_routine);
        let start_routine = start.and_then(|address| resolver.name_of_function(address));
        if rules.has_thread_rules() {
            let library = start.and_then(|address| Some(resolver.modules().find(address)?.base_name()));
            if rules.thread_is_harmless(&name, start_routine.as_deref(), library.as_deref()) {
                continue;
            }
        }
        relevant.push(RelevantThread {
            thread,
            name,
            start_routine,
        });
    }
    relevant
}

fn locks<'a>(
    snapshot: &'a ForkSnapshot,
    held: &'a [HeldLock],
    threads: &[RelevantThread],
    interpreter: Option<&Interpreter>,
    resolver: &mut Resolver,
    left_out: &mut LeftOut,
) -> Vec<RelevantLock<'a>> {
    let rules = suppressions::rules();
    let fork = snapshot.origin.place;
    let calls_handlers =
        interpreter.is_some_and(|interpreter| interpreter.calls_handlers(depot::frames(snapshot.origin.stack)));
    let is_made_anew = |address| {
        let made_anew = snapshot.python.as_ref().map(|view| &view.made_anew);
        snapshot.made_anew.contains(address)
            || calls_handlers && made_anew.is_some_and(|made_anew| made_anew.contains(&address))
    };
    let mut relevant = Vec::new();
    resolver.learn_variables(held.iter().map(|lock| lock.entry.address));
    for lock in held {
        let holder = snapshot.threads.iter().find(|thread| thread.tid == lock.owner);
        let holder_is_relevant = threads.iter().any(|relevant| relevant.thread.tid == lock.owner);
        if holder.is_some() && !holder_is_relevant {
            // A rule calls the thread harmless.
            continue;
        }
        let entry = &lock.entry;
        let named = snapshot.python.as_ref().and_then(|view| view.lock(entry.address));
        let is_waiter_lock = match named {
            Some(named) => named.is_bookkeeping,
            None => {
                interpreter.is_some_and(|interpreter| interpreter.is_waiter_lock(entry, holder))
                    && !waits_for_no_condition(snapshot, holder)
            }
        };
        if is_waiter_lock {
            // The next lock taken at the same place may be a real one.
            continue;
        }
        // An object's lock may lie where one of the interpreter's variables pointed before: `_PyOS_optarg` is never cleared.
        let is_own =
            named.is_none() && interpreter.is_some_and(|interpreter| interpreter.owns(resolver.modules(), entry));
        let is_shared = entry.object != Object::LibcRegion && resolver.modules().is_shared_mapping(entry.address);
        if is_own || is_shared {
            left_out.places.push((lock.place(fork), PlaceVerdict::Harmless));
            continue;
        }
        let acquired_stack = frames(resolver, depot::frames(entry.stack), false);
        let region = libc_regions::at(entry.address).map(|region| region.name);
        let name = region.or_else(|| named.map(|named| named.name.as_str()));
        let identity = LockIdentity::new(entry, name.map(str::to_owned), &acquired_stack, resolver);
        if rules.lock_is_harmless(identity.name.as_deref(), Some(&identity.id), &acquired_stack) {
            left_out.suppressed += 1;
            left_out.places.push((lock.place(fork), PlaceVerdict::Suppressed));
            continue;
        }
        relevant.push(RelevantLock {
            lock,
            identity,
            acquired_stack,
            acquired_python_stack: snapshot
                .python
                .as_ref()
                .and_then(|view| view.taken.get(&entry.address).cloned()),
            is_made_anew: is_made_anew(entry.address),
        });
    }
    // Those that can hang the child come first.
    relevant.sort_by_key(|lock| lock.is_made_anew);
    relevant
}

/// Whether the thread's Python code is seen to be in no `Condition.wait`: what it made and took is then a lock. NumPy, for one, keeps
/// such locks where they cannot be named.
fn waits_for_no_condition(snapshot: &ForkSnapshot, holder: Option<&OtherThread>) -> bool {
    /// How many frames lie at most between `wait` and what it calls while it has the lock.
    const NEAR: usize = 4;
    let Some(holder) = holder.and_then(|holder| snapshot.python.as_ref()?.thread(holder.handle)) else {
        return false;
    };
    let is_wait = |frame: &PythonFrame| frame.function.rsplit('.').next() == Some("wait");
    !holder.frames.is_empty() && !holder.frames.iter().take(NEAR).any(is_wait)
}
