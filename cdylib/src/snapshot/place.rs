//! The place of a finding in this process: what makes two forks, or two locks at a fork, the same finding here.

use std::collections::BTreeMap;

use lock_api::Mutex;

use super::alive::Alive;
use crate::state::depot::{self, StackId};
use crate::state::held::{Entry, Object};
use crate::system::own_lock::OwnLock;
use crate::system::task;

/// The verdict on a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceVerdict {
    /// It was reported.
    Reported,
    /// One of the user's rules suppressed it.
    Suppressed,
    /// Its caller does nothing but exec.
    ExecBound,
    /// The lock does not count.
    Harmless,
}

/// A fork's place, and a lock's place at that fork; 0 for the threads alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    fork: u64,
    lock: u64,
}

impl Place {
    /// Where a fork was called, in native and in Python code, since many Python calls share one native stack; with the kinds of
    /// the other threads, if there are rules about threads.
    pub fn of_fork(stack: StackId, python: u64, threads: Option<&[Alive]>) -> Self {
        let mut kinds: Vec<_> = threads.unwrap_or_default().iter().map(kind_of).collect();
        kinds.sort_unstable();
        kinds.dedup();
        // The interpreter's own frames change as it warms up, so only the innermost native frame counts; Python's place says the
        // rest.
        let native = match depot::frames(stack) {
            [first, ..] if python != 0 => (*first as u64).rotate_left(17) ^ python,
            _ => depot::hash(stack) ^ python,
        };
        let mix = |hash: u64, kind: u64| (hash ^ kind).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        Self {
            fork: kinds.into_iter().fold(native, mix),
            lock: 0,
        }
    }

    /// Where a forked child makes a call of this kind.
    pub fn of_call(stack: StackId, kind: u64) -> Self {
        Self {
            fork: depot::hash(stack),
            // Even, unlike a lock's.
            lock: (kind + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & !1,
        }
    }

    /// This fork with a lock held, by where the lock was taken and with which function its holder started.
    pub fn with_lock(self, entry: &Entry, holder: usize) -> Self {
        let lock = depot::hash(entry.stack) ^ depot::hash(entry.made).rotate_left(17) ^ entry.object as u64;
        Self {
            lock: of_holder(lock, holder),
            ..self
        }
    }

    /// This fork with a lock held, by the lock's address, the call that took it, whatever the path to that call, and the holder.
    pub fn with_lock_itself(self, entry: &Entry, holder: usize) -> Self {
        let call = match entry.object {
            // The interpreter calls it from one place or another, depending on how often the code has run.
            Object::PythonLock => 0,
            _ => depot::frames(entry.stack).first().map_or(0, |&address| address as u64),
        };
        let lock =
            (entry.address as u64 ^ call.rotate_left(32) ^ entry.object as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            lock: of_holder(lock, holder),
            ..self
        }
    }

    /// This fork with a CPython lock held that no hook sees; `taken_at` identifies the place where it was taken.
    pub fn with_python_lock(self, taken_at: u64) -> Self {
        Self {
            lock: taken_at | 1,
            ..self
        }
    }
}

/// A lock's place with the function that its holder started with. Odd, unlike a call's.
fn of_holder(lock: u64, holder: usize) -> u64 {
    (lock ^ (holder as u64).rotate_left(41)) | 1
}

/// The kinds of the threads seen so far, by id and `pthread_t`, so that the kernel is asked for each name once.
static KINDS: Mutex<OwnLock, BTreeMap<(i32, usize), u64>> = Mutex::new(BTreeMap::new());

/// A thread's name and start routine as one number.
fn kind_of(alive: &Alive) -> u64 {
    const MAX: usize = 16 * 1024;
    let key = (alive.tid, alive.thread.map_or(0, |thread| thread.handle()));
    let mut kinds = KINDS.lock();
    if let Some(&kind) = kinds.get(&key) {
        return kind;
    }
    if kinds.len() >= MAX {
        kinds.clear();
    }
    let kind = read_kind(alive);
    kinds.insert(key, kind);
    kind
}

fn read_kind(alive: &Alive) -> u64 {
    let start = alive.start_routine() as u64;
    task::name(alive.tid).iter().fold(start, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
