//! The fork records that this process descends from, one for each fork of a threaded process: what the parent saw, and what the
//! child found out.
//!
//! The parent prepares a [`ForkRecord`] completely. Its child only keeps it ([`begin`]), which writes no page that a fork does
//! not write in any case; the list that findings use is made when it is first needed ([`settle`]).
#![expect(unsafe_code, reason = "the list changes while a process has one thread")]

use forkwatch_process::cpython::Held;
use forkwatch_state::lineage::Lineage;

use super::judgement::Judgement;
use crate::snapshot::fork_snapshot::{ForkSnapshot, Settled};
use crate::snapshot::handled_locks::SharedPage;
use crate::snapshot::origin::ForkOrigin;
use crate::state::report_lock::ReportLock;
use crate::state::thread::Thread;
use crate::state::threads::{self, Life};
use crate::system::process;

/// One fork while other threads were alive.
#[derive(Debug)]
pub struct ForkRecord {
    /// Where it comes from.
    pub origin: ForkOrigin,
    /// What the parent saw, where it had something new to report.
    pub seen: Option<ForkSnapshot>,
    /// The CPython locks that no hook sees, with their holders' ids.
    pub python_locks: Vec<(Held, i32)>,
    /// What held the fork back until no other thread held a lock; `None` where it was not held back, or in vain.
    pub settled: Option<Settled>,
    /// Strict mode's judgement; `None` where the fork is not judged yet.
    pub judged: Option<Judgement>,
    /// Strict mode stops the fork, but the copy could not be avoided: the child ends at once.
    pub stopped: bool,
    /// In the parent: where the child says which locks its handlers make anew, if the parent waits for that.
    pub handled: Option<SharedPage>,
    /// The child itself, not one of its own children; 0 in the parent.
    pub child: i32,
    /// In the child: what the copied tables say.
    pub inherited: Option<ForkSnapshot>,
    /// In the child: whether the parent reports the fork; `None` until that is determined.
    pub parent_reports: Option<bool>,
}

impl ForkRecord {
    /// A fork that is about to happen.
    pub fn new(origin: ForkOrigin, seen: Option<ForkSnapshot>, python_locks: Vec<(Held, i32)>) -> Box<Self> {
        Box::new(Self {
            origin,
            seen,
            python_locks,
            settled: None,
            judged: None,
            stopped: false,
            handled: None,
            child: 0,
            inherited: None,
            parent_reports: None,
        })
    }

    /// Python's name for the forking thread, whose copy is the child's first thread; `None` where it was not read.
    pub fn name_of_forking(&self) -> Option<&str> {
        self.seen.as_ref()?.python.as_ref()?.own_name.as_deref()
    }

    /// What a thread of the parent was called when the parent looked at the fork; `None` where it did not look.
    pub fn name_seen_of(&self, tid: i32) -> Option<&[u8]> {
        let seen = self.seen.as_ref()?;
        let thread = seen.threads.iter().find(|thread| thread.tid == tid)?;
        (!thread.name.is_empty()).then_some(&thread.name)
    }
}

/// What every thread of a child may read about its fork, even while another thread reports and changes the rest.
#[derive(Debug, Default)]
struct ReadByAll {
    /// The child itself, not one of its own children.
    child: i32,
    /// Whether the parent saw something new.
    is_new: bool,
    /// Each thread that was lost.
    lost: Vec<LostThread>,
}

/// A thread that was lost.
#[derive(Clone, Copy, Debug)]
struct LostThread {
    /// Its `pthread_t`.
    handle: usize,
    tid: i32,
    /// Its record, if it had one. A thread of this process that gets the record starts with nothing noted.
    record: Option<&'static Thread>,
}

#[unsafe(link_section = ".data.forkwatch_fork")]
static LINEAGE: Lineage<ReadByAll, Box<ForkRecord>> = Lineage::empty();

/// The record of the fork with this number; `None` in the child of a single-threaded process.
pub fn of(lock: &ReportLock, number: usize) -> Option<&ForkRecord> {
    LINEAGE.get(number, lock).map(|fork| &**fork)
}

/// The same, to be changed.
pub fn of_mut(lock: &mut ReportLock, number: usize) -> Option<&mut ForkRecord> {
    LINEAGE.get_mut(number, lock).map(|fork| &mut **fork)
}

/// The record of the fork that made this process, or of one that it descends from.
pub fn newest(lock: &ReportLock) -> Option<&ForkRecord> {
    of(lock, newest_number())
}

/// This process is the child of this fork.
///
/// # Safety
/// This thread is the only one.
#[unsafe(link_section = ".text.forkwatch_child")]
pub unsafe fn begin(fork: Box<ForkRecord>) {
    // SAFETY: the caller's promise.
    unsafe {
        if LINEAGE.is_unsettled() {
            // The process that forked has not settled its own fork: its threads were not made by libc.
            settle(|_| ());
        }
        LINEAGE.begin(fork, process::id());
    }
}

/// Looks up what this process inherited, if that has not happened yet.
///
/// # Safety
/// This thread is the only one.
pub unsafe fn settle(inherit: impl FnOnce(&mut ForkRecord)) {
    let read = |fork: &mut Box<ForkRecord>, child| {
        fork.child = child;
        inherit(fork);
        let lost = fork.inherited.iter().flat_map(|snapshot| &snapshot.threads);
        ReadByAll {
            child,
            is_new: fork.seen.is_some(),
            lost: lost
                .map(|thread| LostThread {
                    handle: thread.handle,
                    tid: thread.tid,
                    record: thread.record,
                })
                .collect(),
        }
    };
    // SAFETY: the caller's promise.
    unsafe { LINEAGE.settle(read) };
}

/// Whether this process was made by a fork in which its parent saw something new. Changes nothing, so that the child of a
/// `vfork` may call it.
#[inline(always)]
pub fn made_by_new_fork() -> bool {
    LINEAGE
        .newest(
            |fork, child| fork.seen.is_some() && child == process::id(),
            |read| read.is_new && read.child == process::id(),
        )
        .unwrap_or(false)
}

/// The number of the fork that made this process, or one that it descends from.
pub fn newest_number() -> usize {
    LINEAGE.count().saturating_sub(1)
}

/// The id of the lost thread with this `pthread_t`; 0 where there is none.
pub fn lost_thread_with_handle(handle: usize) -> i32 {
    let find = |read: &ReadByAll| read.lost.iter().find(|lost| lost.handle == handle).map(|lost| lost.tid);
    let found = if handle == 0 {
        None
    } else {
        LINEAGE.newest(|_, _| None, find)
    };
    found.flatten().unwrap_or(0)
}

/// What `look` finds first in the records of the threads that this process lost at the fork that made it. `own` is the record of this
/// thread.
pub fn of_lost_threads<T>(own: &Thread, look: impl Fn(i32, &'static Thread) -> Option<T>) -> Option<T> {
    // Until this process catches up with its fork, our tables still list the parent's threads.
    let in_tables = || {
        threads::all()
            .filter(|(life, _, thread)| *life == Life::Running && !core::ptr::eq(*thread, own))
            .find_map(|(_, tid, thread)| look(tid, thread))
    };
    let in_list = |read: &ReadByAll| read.lost.iter().find_map(|lost| look(lost.tid, lost.record?));
    LINEAGE.newest(|_, _| in_tables(), in_list).flatten()
}
