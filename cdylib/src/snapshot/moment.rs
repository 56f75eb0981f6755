//! One fork's moment: everything that must be looked at before the copy, without a name yet. Names come later, in the
//! parent, when the child is on its way.

use super::alive::Alive;
use super::lock_memory::{Word, word};
use super::memory::ProcessMemory;
use super::origin::Origin;
use super::place::Place;
use super::python::{self, Held, Target, View};
use crate::config;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::{self, Thread};
use crate::system::task::{self, BlockedCall};

/// What was true.
#[derive(Debug)]
pub struct Moment {
    /// The fork itself.
    pub origin: Origin,
    /// Nothing of it is new; it is looked at because strict mode may stop it.
    pub told_before: bool,
    /// The other threads.
    pub threads: Vec<OtherThread>,
    /// The locks that they hold.
    pub locks: Vec<HeldLock>,
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
    /// How it came to be; `None` where that was not seen.
    pub origin: Option<thread::Origin>,
    /// The system call it was blocked in; `None` where it ran.
    pub blocked: Option<BlockedCall>,
    /// What it asked for last and has not got; `None` where it asks for nothing.
    pub asked: Option<Entry>,
}

impl OtherThread {
    /// Whether it asked for the object at this address, or was blocked on it.
    pub fn uses(&self, address: usize) -> bool {
        let [first, ..] = self.blocked.map_or([0; 6], |call| call.arguments);
        let futex = self.blocked.is_some_and(|call| call.number == libc::SYS_futex);
        self.asked.is_some_and(|asked| asked.address == address) || futex && first == address
    }
}

/// One lock and its holder.
#[derive(Debug)]
pub struct HeldLock {
    /// The holder's id.
    pub owner: i32,
    /// The lock.
    pub entry: Entry,
    /// The threads blocked on it.
    pub waiters: Vec<i32>,
    /// For a lock of CPython's that passes no hook: what tells the place where it was taken.
    pub python: Option<u64>,
}

impl HeldLock {
    /// What makes it the same finding as another, at a fork of this place.
    pub fn place(&self, fork: Place) -> Place {
        match self.python {
            Some(sort) => fork.with_python_lock(sort),
            None => fork.with_lock(&self.entry),
        }
    }
}

/// Looks at every other thread, and verifies what each seems to hold.
pub fn take(origin: Origin, alive: &[Alive]) -> Moment {
    let threads = alive.iter().map(look_at).collect();
    let moment = verified(origin, alive, threads);
    if config::get().python {
        with_python(moment)
    } else {
        moment
    }
}

/// Adds what Python knows of threads and locks.
fn with_python(mut moment: Moment) -> Moment {
    let Some(this) = Thread::even_if_busy() else {
        return moment;
    };
    let targets: Vec<Target> = moment
        .locks
        .iter()
        .map(|lock| Target {
            address: lock.entry.address,
            owner: moment
                .threads
                .iter()
                .find(|thread| thread.tid == lock.owner)
                .map_or(0, |owner| owner.handle),
        })
        .collect();
    moment.python = python::look(this.handle(), config::get().depth, &targets);
    for thread in &mut moment.threads {
        let known = moment.python.as_ref().and_then(|view| view.thread(thread.handle));
        if let Some(name) = known.and_then(|known| known.name.as_ref()) {
            thread.name = name.clone().into_bytes();
        }
    }
    for held in moment.python.iter().flat_map(|view| &view.held) {
        let holder = moment.threads.iter().find(|thread| thread.handle == held.holder);
        let waits = |thread: &&OtherThread| {
            let semaphore = thread.asked.filter(|asked| asked.object == Object::Semaphore);
            let waited_for = |asked: Entry| python::waited_for(asked.address) == Some(held.address);
            thread.blocked.is_some() && semaphore.is_some_and(waited_for)
        };
        let lock = |holder: &OtherThread| HeldLock {
            owner: holder.tid,
            entry: entry_of(held),
            waiters: moment.threads.iter().filter(waits).map(|thread| thread.tid).collect(),
            python: Some(held.sort),
        };
        moment.locks.extend(holder.map(lock));
    }
    moment
}

/// A lock of CPython's that passes no hook, as one that does.
pub fn entry_of(held: &Held) -> Entry {
    Entry {
        address: held.address,
        object: Object::Mutex,
        stage: Stage::Held,
        stack: NO_STACK,
        made: NO_STACK,
        stack_pointer: 0,
    }
}

/// In a forked child: what the tables that it inherited say of the threads that it lost. They have no names yet, and no
/// system call.
pub fn take_inherited(origin: Origin, lost: &[Alive]) -> Moment {
    let threads = lost.iter().map(without_the_kernel).collect();
    verified(origin, lost, threads)
}

fn verified(origin: Origin, alive: &[Alive], threads: Vec<OtherThread>) -> Moment {
    let memory = ProcessMemory::own();
    let mut locks: Vec<HeldLock> = Vec::new();
    for (tid, entry) in held(alive) {
        let told = locks
            .iter()
            .any(|lock| lock.owner == tid && lock.entry.address == entry.address);
        let holds =
            || word(memory, entry.object, entry.address, tid) == Word::Held && !has_no_region(&entry, tid, &threads);
        if !told && holds() {
            locks.push(HeldLock {
                owner: tid,
                entry,
                waiters: waiters(entry.address, &threads),
                python: None,
            });
        }
    }
    Moment {
        origin,
        told_before: false,
        threads,
        locks,
        python: None,
    }
}

/// Whether a call into libc does not hold its lock: it is blocked on a futex, so somebody else has the lock; or the call was left
/// by an exception or `longjmp`, so that its return address no longer stands where it stood, or the thread is blocked further
/// up its stack.
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

/// Whether the return address of the call that made this entry still stands on the stack, as far as can be told.
fn still_stands(entry: &Entry) -> bool {
    let slot = entry.stack_pointer.wrapping_sub(size_of::<usize>());
    match depot::frames(entry.stack).first() {
        Some(&return_address) if entry.stack_pointer != 0 => ProcessMemory::own().word(slot) == Some(return_address),
        _ => true,
    }
}

/// What the threads' tables say they hold, or may hold, unverified.
pub fn held(alive: &[Alive]) -> impl Iterator<Item = (i32, Entry)> {
    entries(alive).filter(|(_, entry)| matches!(entry.stage, Stage::Held | Stage::AskedOrHeld))
}

/// Whether an entry that says that its thread holds the object, or may, says so of a thread that still asks for it. Only the
/// object's own memory tells.
pub fn is_only_asked_for(entry: &Entry, tid: i32) -> bool {
    entry.stage == Stage::AskedOrHeld && word(ProcessMemory::own(), entry.object, entry.address, tid) != Word::Held
}

fn entries(alive: &[Alive]) -> impl Iterator<Item = (i32, Entry)> {
    alive
        .iter()
        .filter_map(|alive| Some((alive.tid, alive.thread?)))
        .flat_map(|(tid, thread)| thread.held.entries().map(move |entry| (tid, entry)))
}

fn look_at(alive: &Alive) -> OtherThread {
    OtherThread {
        name: task::name(alive.tid),
        blocked: task::blocked_call(alive.tid),
        ..without_the_kernel(alive)
    }
}

fn without_the_kernel(alive: &Alive) -> OtherThread {
    let asks = |(tid, entry): &(i32, Entry)| entry.stage == Stage::Asked || is_only_asked_for(entry, *tid);
    let asked = entries(core::slice::from_ref(alive)).filter(asks).last();
    OtherThread {
        tid: alive.tid,
        name: Vec::new(),
        handle: alive.thread.map_or(0, Thread::handle),
        origin: alive.thread.and_then(|thread| thread.origin()),
        blocked: None,
        asked: asked.map(|(_, entry)| entry),
    }
}

fn waiters(address: usize, threads: &[OtherThread]) -> Vec<i32> {
    let waits =
        |thread: &&OtherThread| thread.blocked.is_some() && thread.asked.is_some_and(|asked| asked.address == address);
    threads.iter().filter(waits).map(|thread| thread.tid).collect()
}
