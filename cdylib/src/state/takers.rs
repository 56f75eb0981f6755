//! What each thread takes: see [`forkwatch_state::takers`]. And what the child of a fork must know about the thread that forked.
#![expect(unsafe_code, reason = "a static in the section that a fork writes to")]

use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_state::by_address::ByAddress;
pub use forkwatch_state::takers::Taken;
use forkwatch_state::takers::{MAX_GATES, Taking};

use rustix::fs::FileType;

use super::depot::{NO_STACK, StackId};
use super::held::{Entry, Object, Stage};
use super::thread::Thread;
use super::{descriptors, forked_child, sandbox};
use crate::system::errno::KeepErrno;
use crate::system::kernel::Kernel;
use crate::system::{clock, descriptor, python};

/// When a lock was last made or destroyed, by the processor's clock: what a thread took at its address before was another lock.
static REMADE: ByAddress<Kernel> = ByAddress::new();

/// The most locks of the forking thread that are remembered.
const MAX_OWN: usize = 8;

/// The locks that the forking thread held at the fork that made this process; 0 where there is none. Relaxed: written while the
/// process has one thread.
#[unsafe(link_section = ".data.forkwatch_fork")]
static HELD_AT_FORK: [AtomicUsize; MAX_OWN] = [const { AtomicUsize::new(0) }; MAX_OWN];

/// Notes that this thread takes a lock, unless enough is known about that; the functions say where. A forked child notes nothing: it usually has one thread.
#[inline(always)]
pub fn note(thread: &Thread, object: Object, address: usize, stack: impl FnOnce() -> StackId, python: fn() -> StackId) {
    if !thread.takers.knows(address, object) {
        note_new(thread, object, address, stack(), python);
    }
}

#[cold]
#[inline(never)]
fn note_new(thread: &Thread, object: Object, address: usize, stack: StackId, place: fn() -> StackId) {
    if object == Object::Condition || forked_child::is_watched() {
        return;
    }
    let mut gates = [0; MAX_GATES];
    for (gate, entry) in gates.iter_mut().zip(others(thread, address)) {
        *gate = entry.address;
    }
    let now = clock::ticks();
    let wants_python =
        python::found().is_some() && !python::is_own_lock(address) && thread.takers.lacks_python(address, object, now);
    thread.takers.note(&Taking {
        address,
        object,
        stack,
        python: if wants_python { place() } else { NO_STACK },
        gates: &gates,
        under_interpreter_lock: python::found().is_some_and(|python| python.is_run_by_this_thread()),
        now,
    });
}

/// The locks that this thread holds so that no other thread can hold them.
fn others(thread: &Thread, address: usize) -> impl Iterator<Item = Entry> {
    let excludes = |entry: &Entry| {
        matches!(entry.stage, Stage::Held | Stage::AskedOrHeld)
            && !matches!(entry.object, Object::RwlockRead | Object::Condition)
    };
    thread
        .held
        .entries()
        .filter(move |entry| excludes(entry) && entry.address != address)
}

/// This thread signals a condition: it tells another thread something. CPython signals so that it leaves the interpreter lock.
#[inline(always)]
pub fn signal(condition: usize) {
    let Some(thread) = Thread::current() else { return };
    if python::is_own_lock(condition) {
        leaves_interpreter_lock(thread);
    } else {
        thread.takers.tell();
    }
}

fn leaves_interpreter_lock(thread: &Thread) {
    // CPython holds a mutex of its own here.
    for entry in others(thread, 0).filter(|entry| !python::is_own_lock(entry.address)) {
        thread.takers.leaves_interpreter_lock(entry.address);
    }
}

/// This thread tells another thread something.
#[inline(always)]
pub fn tell() {
    if let Some(thread) = Thread::current() {
        thread.takers.tell();
    }
}

/// This thread has tried a lock that it holds: in Python, a condition does so.
#[cold]
#[inline(never)]
pub fn tries_own(thread: &Thread, address: usize) {
    if python::found().is_some() && !forked_child::is_watched() {
        thread.takers.tries_own(address);
    }
}

/// This thread writes to a descriptor: where that is a channel, it tells another thread something.
#[inline(always)]
pub fn writes(fd: i32) {
    if descriptors::may_be_channel(fd) {
        writes_to_channel(fd);
    }
}

#[cold]
#[inline(never)]
fn writes_to_channel(fd: i32) {
    // A filter may forbid the look at the descriptor.
    if forked_child::is_watched() || sandbox::is_shut() || sandbox::is_filtered() {
        return;
    }
    let Some(thread) = Thread::current().filter(|thread| thread.takers.may_tell_more()) else {
        return;
    };
    let _errno = KeepErrno::save();
    if matches!(
        descriptor::file_type(fd),
        // The kernel has no type for an eventfd.
        Some(FileType::Fifo | FileType::Socket | FileType::Unknown)
    ) {
        thread.takers.tell();
    }
}

/// A lock at this address is made or destroyed.
pub fn remade(address: usize) {
    REMADE.note(address, clock::ticks());
}

/// What a thread is known to take at this address, such that this call can meet it: two that only read never do.
pub fn taken(thread: &Thread, object: Object, address: usize) -> Option<Taken> {
    let for_reading = || thread.takers.taken(address, Object::RwlockRead);
    let taken = match object {
        Object::RwlockRead => thread.takers.taken(address, Object::RwlockWrite),
        Object::RwlockWrite => thread.takers.taken(address, object).or_else(for_reading),
        _ => thread.takers.taken(address, object),
    }?;
    (taken.is_recurrent && taken.first > REMADE.last(address)).then_some(taken)
}

/// Whether a thread was seen to take any lock at this address, be it the one that is there now or an older one.
pub fn has_ever_taken(thread: &Thread, address: usize) -> bool {
    let taken = |object| thread.takers.taken(address, object).is_some();
    taken(Object::Mutex) || taken(Object::RwlockRead)
}

/// Whether a thread was seen to take the lock at this address, which has not been made anew since.
pub fn has_taken(thread: &Thread, object: Object, address: usize) -> bool {
    let taken = thread.takers.taken(address, object);
    taken.is_some_and(|taken| taken.first > REMADE.last(address))
}

/// In the child of a fork: remembers what this thread, which forked, holds.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn begin_child(thread: &Thread) {
    let mut held = others(thread, 0);
    for place in &HELD_AT_FORK {
        // Relaxed: this is the only thread.
        place.store(held.next().map_or(0, |entry| entry.address), Ordering::Relaxed);
    }
}

/// Whether the forking thread held this lock at the fork.
pub fn was_held_by_forking(address: usize) -> bool {
    // Relaxed: as above.
    HELD_AT_FORK.iter().any(|held| held.load(Ordering::Relaxed) == address)
}
