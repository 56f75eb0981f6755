//! A fork's snapshot: everything that must be read before the copy. Names are looked up later, in the parent, while the child
//! already runs.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use forkwatch_process::cpython::{Held, Target, View};
use forkwatch_process::memory::ProcessMemory;

use super::alive::Alive;
use super::handled_locks::MadeAnew;
use super::origin::ForkOrigin;
use super::other_threads::{self, OtherThread, held, is_held};
use super::place::Place;
use super::python;
use crate::config;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object, Stage};
use crate::state::signalling;
use crate::state::thread::Thread;
use crate::system::task::BlockedCall;

/// What was true.
#[derive(Debug)]
pub struct ForkSnapshot {
    /// The fork itself.
    pub origin: ForkOrigin,
    /// Nothing in it is new; it was taken because strict mode may stop the fork.
    pub reported_before: bool,
    /// The other threads, those with locks first.
    pub threads: Vec<OtherThread>,
    /// The threads that were left out, because there are too many.
    pub more_threads: usize,
    /// The locks that they hold.
    pub locks: Vec<HeldLock>,
    /// Set where the fork was held back until no other thread held a lock.
    pub settled: Option<SettledLocks>,
    /// The locks that were left out, because there are too many: all were taken where one of `locks` was.
    pub more_locks: usize,
    /// In the parent, once the child has said so: the locks that handlers of libraries have made anew.
    pub made_anew: MadeAnew,
    /// What Python code was doing; `None` where there is none, and in a child for what it inherited.
    pub python: Option<View>,
}

/// A fork was held back, and no other thread held a lock in the end.
#[derive(Clone, Debug)]
pub struct Settled {
    /// How long.
    pub waited: Duration,
    /// What was waited for: each holder's id and its lock.
    pub waited_for: Vec<(i32, Entry)>,
    /// The mutexes that other threads had released while they waited for a condition, each with such a thread's id.
    pub released_by_waits: Vec<(i32, usize)>,
}

/// The same, with what is known about the locks.
#[derive(Debug)]
pub struct SettledLocks {
    /// How long the fork was held back.
    pub waited: Duration,
    /// What was waited for.
    pub waited_for: Vec<HeldLock>,
}

impl SettledLocks {
    fn of(settled: &Settled, alive: &[Alive]) -> Self {
        let lock = |&(owner, entry): &(i32, Entry)| {
            let holder = alive.iter().find(|alive| alive.tid == owner);
            HeldLock {
                owner,
                started_with: holder.map_or(0, Alive::start_routine),
                entry,
                waiters: Vec::new(),
                python: None,
            }
        };
        Self {
            waited: settled.waited,
            waited_for: settled.waited_for.iter().map(lock).collect(),
        }
    }
}

/// One lock and its holder.
#[derive(Debug)]
pub struct HeldLock {
    /// The holder's id.
    pub owner: i32,
    /// The address of the function that the holder started with; 0 where that was not seen.
    pub started_with: usize,
    /// The lock.
    pub entry: Entry,
    /// The threads blocked on it.
    pub waiters: Vec<i32>,
    /// For a CPython lock that no hook sees: a number that identifies the place where it was taken.
    pub python: Option<u64>,
}

impl HeldLock {
    /// What makes it the same finding as another, at a fork of this place.
    pub fn place(&self, fork: Place) -> Place {
        match self.python {
            Some(kind) => fork.with_python_lock(kind),
            None => fork.with_lock(&self.entry, self.started_with),
        }
    }
}

/// The most threads that are examined.
const MAX_THREADS: usize = 256;
const MAX_LOCKS: usize = 1024;

/// Examines the other threads, all of them where rules `need_all`, and verifies what each seems to hold.
pub fn take(origin: ForkOrigin, alive: &[Alive], need_all: bool, settled: Option<&Settled>) -> ForkSnapshot {
    let limit = if need_all { alive.len() } else { MAX_THREADS };
    let threads = other_threads::look_at_each(alive, limit);
    let mut snapshot = verified(origin, alive, threads);
    snapshot.settled = settled.map(|settled| SettledLocks::of(settled, alive));
    if config::get().python {
        with_python(snapshot)
    } else {
        snapshot
    }
}

/// Adds what Python knows of threads and locks.
fn with_python(mut snapshot: ForkSnapshot) -> ForkSnapshot {
    let Some(this) = Thread::even_if_busy() else {
        return snapshot;
    };
    let targets: Vec<Target> = snapshot
        .locks
        .iter()
        .chain(snapshot.settled.iter().flat_map(|settled| &settled.waited_for))
        .map(|lock| Target {
            address: lock.entry.address,
            owner: snapshot
                .threads
                .iter()
                .find(|thread| thread.tid == lock.owner)
                .map_or(0, |owner| owner.handle),
        })
        .collect();
    snapshot.python = python::view(this.handle(), config::get().depth, &targets);
    if let Some(view) = &mut snapshot.python {
        // Nobody holds a lock that is used as a signal, whichever thread took it last.
        let is_held = |held: &Held| !signalling::contains(held.address) && python::is_really_held(held);
        view.held.retain(is_held);
    }
    for thread in &mut snapshot.threads {
        let known = snapshot.python.as_ref().and_then(|view| view.thread(thread.handle));
        if let Some(name) = known.and_then(|known| known.name.as_ref()) {
            thread.name = name.clone().into_bytes();
        }
    }
    let seen: BTreeSet<usize> = snapshot.locks.iter().map(|lock| lock.entry.address).collect();
    let is_new = |held: &&Held| !seen.contains(&held.address);
    for held in snapshot.python.iter().flat_map(|view| &view.held).filter(is_new) {
        let holder = snapshot.threads.iter().find(|thread| thread.handle == held.holder);
        let waits = |thread: &&OtherThread| {
            let semaphore = thread.asked.filter(|asked| asked.object == Object::Semaphore);
            let waited_for = |asked: Entry| python::waited_for(asked.address) == Some(held.address);
            thread.is_blocked() && semaphore.is_some_and(waited_for)
        };
        let lock = |holder: &OtherThread| HeldLock {
            owner: holder.tid,
            started_with: holder.origin.map_or(0, |origin| origin.start_routine),
            entry: entry_of(held),
            waiters: snapshot.threads.iter().filter(waits).map(|thread| thread.tid).collect(),
            python: Some(held.place),
        };
        snapshot.locks.extend(holder.map(lock));
    }
    snapshot
}

/// The entry that a hook would have made for a CPython lock that no hook sees.
pub fn entry_of(held: &Held) -> Entry {
    Entry {
        address: held.address,
        object: Object::PythonLock,
        stage: Stage::Held,
        stack: NO_STACK,
        made: NO_STACK,
        stack_pointer: 0,
    }
}

/// In a forked child: what its inherited tables say about the threads that it lost, without their names and system calls.
pub fn take_inherited(origin: ForkOrigin, lost: &[Alive]) -> ForkSnapshot {
    let threads = lost.iter().map(other_threads::without_the_kernel).collect();
    verified(origin, lost, threads)
}

fn verified(origin: ForkOrigin, alive: &[Alive], threads: Vec<OtherThread>) -> ForkSnapshot {
    let waiters = waiters(&threads);
    let looked_at: BTreeSet<i32> = threads.iter().map(|thread| thread.tid).collect();
    let mut locks: Vec<HeldLock> = Vec::new();
    let (mut seen, mut places, mut more_locks) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (holder, entry) in held(alive) {
        let tid = holder.tid;
        if !seen.insert((tid, entry.address)) {
            continue;
        }
        let started_with = holder.start_routine();
        let place = origin.place.with_lock(&entry, started_with);
        let is_beyond = locks.len() >= MAX_LOCKS || !looked_at.contains(&tid);
        if is_beyond && places.contains(&place) {
            more_locks += 1;
        } else if is_held(&entry, tid) && !has_no_region(&entry, tid, &threads) {
            places.insert(place);
            locks.push(HeldLock {
                owner: tid,
                started_with,
                entry,
                waiters: waiters.get(&entry.address).cloned().unwrap_or_default(),
                python: None,
            });
        }
    }
    ForkSnapshot {
        origin,
        reported_before: false,
        more_threads: alive.len().saturating_sub(threads.len()),
        threads,
        locks,
        settled: None,
        more_locks,
        made_anew: MadeAnew::NONE,
        python: None,
    }
}

/// Whether a call into libc does not hold its lock: it is blocked on a futex, so another thread has the lock; or an exception or
/// `longjmp` has left the call, so that its return address is no longer on the stack, or the thread is blocked further up.
fn has_no_region(entry: &Entry, tid: i32, threads: &[OtherThread]) -> bool {
    if entry.object != Object::LibcRegion {
        return false;
    }
    let elsewhere = |call: BlockedCall| {
        call.number == libc::SYS_futex || entry.stack_pointer != 0 && call.stack_pointer > entry.stack_pointer
    };
    let is_elsewhere = |thread: &OtherThread| thread.tid == tid && thread.blocked.is_some_and(elsewhere);
    threads.iter().any(is_elsewhere) || !still_stands(entry)
}

/// Whether the return address of the call that made this entry is still on the stack, as far as is known.
fn still_stands(entry: &Entry) -> bool {
    let slot = entry.stack_pointer.wrapping_sub(size_of::<usize>());
    match depot::frames(entry.stack).first() {
        Some(&return_address) if entry.stack_pointer != 0 => ProcessMemory::own().word(slot) == Some(return_address),
        _ => true,
    }
}

/// The threads that are blocked on a lock, by its address.
fn waiters(threads: &[OtherThread]) -> BTreeMap<usize, Vec<i32>> {
    let mut waiters = BTreeMap::<usize, Vec<i32>>::new();
    for thread in threads.iter().filter(|thread| thread.is_blocked()) {
        if let Some(asked) = thread.asked {
            waiters.entry(asked.address).or_default().push(thread.tid);
        }
    }
    waiters
}
