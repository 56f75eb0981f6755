//! One fork's moment: everything that must be looked at before the copy, without a name yet. Names come later, in the
//! parent, when the child is on its way.

use rustix::time::{ClockId, clock_gettime};

use super::alive::Alive;
use super::lock_memory::{Word, word};
use super::memory::ProcessMemory;
use crate::state::depot::StackId;
use crate::state::held::{Entry, Stage};
use crate::state::thread::Origin;
use crate::system::task::{self, BlockedCall};

/// What was true.
#[derive(Debug)]
pub struct Moment {
    /// Shared by the fork's record and all that its child reports.
    pub id: String,
    /// The function that the program called to fork.
    pub function: &'static str,
    /// Where it called it.
    pub fork_stack: StackId,
    /// The other threads.
    pub threads: Vec<OtherThread>,
    /// The locks that they hold.
    pub locks: Vec<HeldLock>,
}

/// One other thread.
#[derive(Debug)]
pub struct OtherThread {
    /// The kernel's id.
    pub tid: i32,
    /// Its name as the kernel knows it.
    pub name: Vec<u8>,
    /// How it came to be; `None` where that was not seen.
    pub origin: Option<Origin>,
    /// The system call it was blocked in; `None` where it ran.
    pub blocked: Option<BlockedCall>,
    /// What it asked for last and has not got; `None` where it asks for nothing.
    pub asked: Option<Entry>,
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
}

/// Looks at every other thread, and verifies what each seems to hold.
pub fn take(function: &'static str, fork_stack: StackId, alive: &[Alive]) -> Moment {
    let threads: Vec<_> = alive.iter().map(look_at).collect();
    let memory = ProcessMemory::own();
    let mut locks: Vec<HeldLock> = Vec::new();
    for (tid, entry) in held(alive) {
        let told = locks
            .iter()
            .any(|lock| lock.owner == tid && lock.entry.address == entry.address);
        if !told && word(memory, entry.object, entry.address, tid) == Word::Held {
            locks.push(HeldLock {
                owner: tid,
                entry,
                waiters: waiters(entry.address, &threads),
            });
        }
    }
    Moment {
        id: new_id(),
        function,
        fork_stack,
        threads,
        locks,
    }
}

/// An id that no other fork of any process on this host has.
fn new_id() -> String {
    let now = clock_gettime(ClockId::Realtime);
    format!(
        "{}-{:x}-{:x}",
        rustix::process::getpid().as_raw_nonzero(),
        now.tv_sec,
        now.tv_nsec
    )
}

/// What the threads' tables say they hold, unverified.
pub fn held(alive: &[Alive]) -> impl Iterator<Item = (i32, Entry)> {
    alive
        .iter()
        .filter_map(|alive| Some((alive.tid, alive.thread?)))
        .flat_map(|(tid, thread)| {
            thread
                .held
                .entries()
                .filter(|entry| entry.stage == Stage::Held)
                .map(move |entry| (tid, entry))
        })
}

fn look_at(alive: &Alive) -> OtherThread {
    let asked = alive
        .thread
        .and_then(|thread| thread.held.entries().filter(|entry| entry.stage == Stage::Asked).last());
    OtherThread {
        tid: alive.tid,
        name: task::name(alive.tid),
        origin: alive.thread.and_then(|thread| thread.origin()),
        blocked: task::blocked_call(alive.tid),
        asked,
    }
}

fn waiters(address: usize, threads: &[OtherThread]) -> Vec<i32> {
    let waits =
        |thread: &&OtherThread| thread.blocked.is_some() && thread.asked.is_some_and(|asked| asked.address == address);
    threads.iter().filter(waits).map(|thread| thread.tid).collect()
}
