//! Which other threads hold a lock now, or are about to have one: looked at again and again while a fork is held back, so without the
//! kernel where possible.

use forkwatch_process::memory::ProcessMemory;

use super::lock_memory::{self, Word, word};
use super::other_threads::is_held;
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;
use crate::state::threads::{self, Life};
use crate::state::{signalling, takers};
use crate::system::{python, task};

/// Another thread, and what it has.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// The kernel's id.
    pub tid: i32,
    /// Its record.
    pub thread: &'static Thread,
    /// The lock; `None` where it is just releasing one.
    pub entry: Option<Entry>,
    /// Whether it only asks for the lock, and may get it at any time.
    pub only_asks: bool,
}

/// Shows each lock that another thread holds, is about to get, or is just releasing. `own` is the record of the calling thread, and
/// `counts` says which locks count.
pub fn each(own: &Thread, counts: impl Fn(&Entry) -> bool, mut show: impl FnMut(Holder)) {
    for (life, tid, thread) in threads::all() {
        if life != Life::Running || core::ptr::eq(thread, own) || thread.is_at_gate() {
            continue;
        }
        let holder = |entry, only_asks| Holder {
            tid,
            thread,
            entry,
            only_asks,
        };
        if !thread.held.is_empty() {
            for entry in thread.held.entries().filter(&counts) {
                match state(own, thread, tid, &entry) {
                    State::Nothing => {}
                    State::Holds => show(holder(Some(entry), false)),
                    State::Asks => show(holder(Some(entry), true)),
                }
            }
        }
        if is_releasing(own, tid, thread) {
            show(holder(None, false));
        }
    }
}

/// The mutexes that other threads have released while they wait for a condition, each with the thread's id: libc takes such a mutex
/// again when the wait ends, and no hook sees that.
pub fn released_by_waits(own: &Thread) -> Vec<(i32, usize)> {
    let others = threads::all().filter(|(life, _, thread)| *life == Life::Running && !core::ptr::eq(*thread, own));
    let of_thread = |(_, tid, thread): (Life, i32, &'static Thread)| {
        let released = thread
            .held
            .entries()
            .filter(|entry| entry.stage == Stage::ReleasedByWait);
        released.map(move |entry| (tid, entry.address))
    };
    others.flat_map(of_thread).collect()
}

enum State {
    Nothing,
    Holds,
    Asks,
}

fn state(own: &Thread, thread: &Thread, tid: i32, entry: &Entry) -> State {
    if entry.object == Object::Condition || entry.object.may_signal() && signalling::contains(entry.address) {
        return State::Nothing;
    }
    match entry.stage {
        Stage::Nothing => State::Nothing,
        Stage::Held | Stage::HeldJustMade if is_held(entry, tid) => State::Holds,
        // The child shares it, but not what its users note beside it: `multiprocessing.RLock` counts how often its holder has taken it.
        // One who sleeps may do so for long, as the reader of a queue does.
        Stage::Held if entry.object == Object::Semaphore && is_running_with_shared(thread, tid, entry) => State::Holds,
        Stage::Held | Stage::HeldJustMade => State::Nothing,
        // Its wait releases the mutex just after it has noted so.
        Stage::ReleasedByWait if is_held(entry, tid) && !task::stat(tid).blocked => State::Holds,
        Stage::ReleasedByWait => State::Nothing,
        Stage::AskedOrHeld if is_held(entry, tid) => State::Holds,
        // It cannot get what this thread has.
        Stage::Asked | Stage::AskedOrHeld if own.held.holds(entry.address) => State::Nothing,
        // Nobody is seen to have the semaphore, so it is waited for as a signal. A lock of Python's may have been handed over to the
        // thread that waits for it, which does not know yet.
        Stage::Asked if entry.object == Object::Semaphore && !is_free(entry) && task::stat(tid).blocked => {
            State::Nothing
        }
        Stage::Asked | Stage::AskedOrHeld if is_kept_at_gate(entry) && task::stat(tid).blocked => State::Nothing,
        Stage::Asked | Stage::AskedOrHeld => State::Asks,
    }
}

/// Whether this thread has taken the shared semaphore and runs, or waits for nothing but its interpreter.
fn is_running_with_shared(thread: &Thread, tid: i32, entry: &Entry) -> bool {
    let is_for_interpreter = |asked: Entry| asked.stage == Stage::Asked && python::is_own_lock(asked.address);
    lock_memory::is_taken_and_shared(ProcessMemory::own(), entry.address)
        && (!task::stat(tid).blocked || thread.held.entries().any(is_for_interpreter))
}

/// Whether a thread at the gate has this mutex, since its wait for a condition has ended: it keeps it until the gate opens.
fn is_kept_at_gate(asked: &Entry) -> bool {
    threads::all().any(|(_, tid, thread)| {
        thread.is_at_gate()
            && thread.held.entries().any(|entry| {
                entry.stage == Stage::ReleasedByWait && entry.address == asked.address && is_held(&entry, tid)
            })
    })
}

fn is_free(entry: &Entry) -> bool {
    word(ProcessMemory::own(), entry.object, entry.address, 0) == Word::NotHeld
}

/// Whether this thread may be in the middle of releasing a lock: its entry goes before the lock does. A thread that sleeps is not.
fn is_releasing(own: &Thread, tid: i32, thread: &'static Thread) -> bool {
    let is_released = |address: usize| {
        let kinds = [
            Object::Mutex,
            Object::Semaphore,
            Object::PythonLock,
            Object::RwlockWrite,
            Object::RwlockRead,
            Object::Spinlock,
        ];
        let mut of_it = kinds
            .into_iter()
            .filter(|&kind| takers::has_taken(thread, kind, address));
        let is_locked = |kind| is_locked_by(kind, address, tid);
        !own.held.holds(address) && !signalling::contains(address) && of_it.any(is_locked)
    };
    thread.held.released_last().any(is_released) && !task::stat(tid).blocked
}

/// Whether a lock that this thread seems to have released is locked: by it, or by nobody that the lock knows, as in the middle of an
/// unlock.
fn is_locked_by(kind: Object, address: usize, tid: i32) -> bool {
    let memory = ProcessMemory::own();
    let is_of = |owner| word(memory, kind, address, owner) == Word::Held;
    match kind {
        // A mutex that is free has no owner, either, but then its first word is 0.
        Object::Mutex => is_of(tid) || is_of(0) && memory.word(address).is_some_and(|word| word & 0xffff_ffff != 0),
        _ => is_of(tid),
    }
}
