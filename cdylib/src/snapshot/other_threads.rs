//! The other threads at a fork: what our tables and the kernel say of each.

use core::time::Duration;

use forkwatch_process::memory::ProcessMemory;

use super::alive::Alive;
use super::lock_memory::{Word, word};
use crate::state::held::{Entry, Stage};
use crate::state::thread::{self, Thread};
use crate::system::deadline::Deadline;
use crate::system::task::{self, BlockedCall};

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

/// The most threads whose system call the kernel is asked for: it makes the caller wait for a thread that is just falling asleep.
const MAX_CALLS: usize = 64;
/// The kernel is asked for the first ones however late it is: a busy machine may take the processor away for longer than `TIMEOUT`, and the
/// call decides whether a lock inside libc is sure to be held.
const SURE_CALLS: usize = 8;
const TIMEOUT: Duration = Duration::from_millis(3);

fn entries(alive: &[Alive]) -> impl Iterator<Item = (Alive, Entry)> {
    alive
        .iter()
        .filter_map(|alive| Some((*alive, alive.thread?)))
        .flat_map(|(alive, thread)| thread.held.entries().map(move |entry| (alive, entry)))
}

/// Examines the other threads, at most `limit`: those that are inside libc first, then the others with locks.
pub fn look_at_each(alive: &[Alive], limit: usize) -> Vec<OtherThread> {
    look_at_each_until(alive, limit, Deadline::after(TIMEOUT))
}

fn look_at_each_until(alive: &[Alive], limit: usize, end: Deadline) -> Vec<OtherThread> {
    let mut threads: Vec<&Alive> = alive.iter().collect();
    threads.sort_by_cached_key(|alive| (!alive.is_in_libc(), !alive.uses_locks()));
    let is_asked = |place| place < SURE_CALLS || place < MAX_CALLS && !end.has_passed();
    let look = |(place, alive)| look_at(alive, is_asked(place));
    threads.into_iter().take(limit).enumerate().map(look).collect()
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

/// What our own tables say of a thread.
pub fn without_the_kernel(alive: &Alive) -> OtherThread {
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

/// What the threads' tables say they hold, or may hold, unverified.
pub fn held(alive: &[Alive]) -> impl Iterator<Item = (Alive, Entry)> {
    entries(alive).filter(|(_, entry)| matches!(entry.stage, Stage::Held | Stage::AskedOrHeld))
}

/// Whether the object's own memory says that it is held, as its entry does: the thread may only have asked for it, or have
/// released it meanwhile.
pub fn is_held(entry: &Entry, tid: i32) -> bool {
    word(ProcessMemory::own(), entry.object, entry.address, tid) == Word::Held
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::mpsc;

    use super::{SURE_CALLS, look_at_each_until};
    use crate::snapshot::alive::Alive;
    use crate::system::deadline::Deadline;
    use crate::system::task;

    #[test]
    fn the_kernel_is_asked_for_the_first_threads_however_late_it_is() {
        let (says, hears) = mpsc::channel();
        let (end, wait) = mpsc::channel::<()>();
        let blocked = std::thread::spawn(move || {
            says.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
            // Ends when the sender is gone.
            let _gone = wait.recv();
        });
        let tid = hears.recv().unwrap();
        while task::blocked_call(tid).is_none() {
            std::thread::yield_now();
        }
        let alive = [Alive { tid, thread: None }; SURE_CALLS + 1];
        let threads = look_at_each_until(&alive, alive.len(), Deadline::after(Duration::ZERO));
        let (last, first) = threads.split_last().unwrap();
        let are_asked = !first.is_empty() && first.iter().all(|thread| thread.blocked.is_some());
        assert!(are_asked, "{first:?}");
        assert!(last.asleep && last.blocked.is_none(), "{last:?}");
        drop(end);
        blocked.join().unwrap();
    }
}
