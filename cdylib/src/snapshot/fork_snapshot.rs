//! A fork's snapshot: everything that must be read before the copy. Names are looked up later, in the parent, while the child
//! already runs.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use forkwatch_process::cpython::{Held, Target, View};
use forkwatch_process::memory::ProcessMemory;

use super::alive::Alive;
use super::handled_locks::MadeAnew;
use super::lock_memory::{Word, word};
use super::origin::ForkOrigin;
use super::place::Place;
use super::python;
use crate::config;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object, Stage};
use crate::state::signalling;
use crate::state::thread::{self, Thread};
use crate::system::deadline::Deadline;
use crate::system::task::{self, BlockedCall};

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

/// One other thread.
#[derive(Debug)]
pub struct OtherThread {
    /// The kernel's id.
    pub tid: i32,
    /// Its name: Python's where known, else the kernel's.
    pub name: Vec<u8>,
    /// Its `pthread_t`; 0 where that is not known.
    pub handle: usize,
    /// Its record; `None` where no hook has seen it.
    pub record: Option<&'static Thread>,
    /// How it was created; `None` where that was not seen.
    pub origin: Option<thread::Origin>,
    /// The system call it was blocked in; `None` where it ran.
    pub blocked: Option<BlockedCall>,
    /// It sleeps, and the kernel was not asked in which call.
    pub asleep: bool,
    /// What it asked for last and does not have yet; `None` where it asks for nothing.
    pub asked: Option<Entry>,
}

impl OtherThread {
    /// Whether it was blocked.
    pub fn is_blocked(&self) -> bool {
        self.asleep || self.blocked.is_some()
    }

    /// What it asked for, if it was blocked on that.
    pub fn asked_and_blocked(&self) -> Option<Entry> {
        let for_it = |call: BlockedCall| call.number == libc::SYS_futex;
        self.asked.filter(|_| self.asleep || self.blocked.is_some_and(for_it))
    }

    /// Whether it asked for the object at this address, or was blocked on it.
    pub fn uses(&self, address: usize) -> bool {
        let [first, ..] = self.blocked.map_or([0; 6], |call| call.arguments);
        let futex = self.blocked.is_some_and(|call| call.number == libc::SYS_futex);
        self.asked.is_some_and(|asked| asked.address == address) || futex && first == address
    }
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
/// The most threads whose system call the kernel is asked for: it makes the caller wait for a thread that is just falling asleep.
const MAX_CALLS: usize = 64;
const TIMEOUT: Duration = Duration::from_millis(3);
const MAX_LOCKS: usize = 1024;

/// Examines the other threads, all of them where rules `need_all`, and verifies what each seems to hold.
pub fn take(origin: ForkOrigin, alive: &[Alive], need_all: bool, settled: Option<&Settled>) -> ForkSnapshot {
    let limit = if need_all { alive.len() } else { MAX_THREADS };
    let (with_locks, others): (Vec<&Alive>, Vec<&Alive>) = alive.iter().partition(|alive| alive.uses_locks());
    let threads = with_locks.into_iter().chain(others).take(limit).enumerate();
    let end = Deadline::after(TIMEOUT);
    let look = |(place, alive)| look_at(alive, place < MAX_CALLS && !end.has_passed());
    let threads = threads.map(look).collect();
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
    let threads = lost.iter().map(without_the_kernel).collect();
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

/// What the threads' tables say they hold, or may hold, unverified.
pub fn held(alive: &[Alive]) -> impl Iterator<Item = (Alive, Entry)> {
    entries(alive).filter(|(_, entry)| matches!(entry.stage, Stage::Held | Stage::AskedOrHeld))
}

/// Whether the object's own memory says that it is held, as its entry does: the thread may only have asked for it, or have
/// released it meanwhile.
pub fn is_held(entry: &Entry, tid: i32) -> bool {
    word(ProcessMemory::own(), entry.object, entry.address, tid) == Word::Held
}

fn entries(alive: &[Alive]) -> impl Iterator<Item = (Alive, Entry)> {
    alive
        .iter()
        .filter_map(|alive| Some((*alive, alive.thread?)))
        .flat_map(|(alive, thread)| thread.held.entries().map(move |entry| (alive, entry)))
}

fn look_at(alive: &Alive, with_call: bool) -> OtherThread {
    let stat = task::stat(alive.tid);
    let asks = with_call && stat.blocked;
    OtherThread {
        name: stat.name,
        blocked: asks.then(|| task::blocked_call(alive.tid)).flatten(),
        asleep: stat.blocked && !with_call,
        ..without_the_kernel(alive)
    }
}

fn without_the_kernel(alive: &Alive) -> OtherThread {
    let asks = |(alive, entry): &(Alive, Entry)| match entry.stage {
        Stage::Asked => true,
        Stage::AskedOrHeld => !is_held(entry, alive.tid),
        _ => false,
    };
    let asked = entries(core::slice::from_ref(alive)).filter(asks).last();
    OtherThread {
        tid: alive.tid,
        name: Vec::new(),
        handle: alive.thread.map_or(0, |thread| thread.handle()),
        record: alive.thread,
        origin: alive.thread.and_then(|thread| thread.origin()),
        blocked: None,
        asleep: false,
        asked: asked.map(|(_, entry)| entry),
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
