//! What this process has seen, for its `summary`. A child starts from zero.
#![expect(unsafe_code, reason = "statics in the section that a fork writes to")]

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use forkwatch_schema::kind::{KINDS, Kind};
use forkwatch_schema::record::Summary;

use crate::state::family;
use crate::state::thread::Thread;
use crate::state::threads;

/// One count.
#[derive(Debug)]
pub struct Count(AtomicU64);

/// Relaxed: a count orders nothing.
impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    pub fn add(&self) {
        self.add_many(1);
    }

    /// Adds several.
    pub fn add_many(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The present count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Forks, except those that this thread made while it was the only one: see [`add_own_forks`].
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static FORKS: Count = Count::new();
/// Forks with other threads alive, whose caller is not exec-bound.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static UNSAFE_FORKS: Count = Count::new();
/// Forks whose caller does nothing but exec.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static EXEC_BOUND_FORKS: Count = Count::new();
/// Forks that were held back until no other thread held a lock.
static SETTLED_FORKS: Count = Count::new();
/// Forks that were held back in vain.
static UNSETTLED_FORKS: Count = Count::new();
/// The longest that a settled fork was held back, in microseconds. Relaxed: a count.
static SETTLE_MAX: AtomicU64 = AtomicU64::new(0);
/// How long all forks were held back, also in vain, in microseconds. Relaxed: a count.
static SETTLE_TOTAL: AtomicU64 = AtomicU64::new(0);
/// Findings, threads and locks that a rule suppressed.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static SUPPRESSED: Count = Count::new();
/// Findings that were reported before.
#[unsafe(link_section = ".data.forkwatch_fork")]
pub static REPEATED: Count = Count::new();
/// Acquisitions that found the thread's table full, for threads that have ended.
static DROPPED_LOCKS: Count = Count::new();
/// Records written, in the order of [`KINDS`].
static BY_KIND: [Count; KINDS.len()] = [const { Count::new() }; KINDS.len()];

/// Whether there was any finding, reported or suppressed, or a fork that was held back.
#[inline(always)]
pub fn any_finding() -> bool {
    SUPPRESSED.get() > 0
        || SETTLED_FORKS.get() > 0
        || UNSETTLED_FORKS.get() > 0
        || BY_KIND.iter().any(|count| count.get() > 0)
}

/// Counts a record of this kind.
pub fn add_record(kind: Kind) {
    if let Some(count) = BY_KIND.get(kind as usize) {
        count.add();
    }
}

/// Counts a fork that was reported before, or suppressed.
pub fn add_repeated_fork(is_suppressed: bool) {
    if is_suppressed {
        SUPPRESSED.add();
    } else {
        UNSAFE_FORKS.add();
        REPEATED.add();
    }
}

/// Forks of any kind.
pub fn forks() -> u64 {
    FORKS.get()
}

/// Counts a fork that was held back this long; `is_settled` says whether no other thread held a lock in the end.
pub fn note_settled(is_settled: bool, waited: Duration) {
    let microseconds = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    SETTLE_TOTAL.fetch_add(microseconds, Ordering::Relaxed);
    if is_settled {
        SETTLED_FORKS.add();
        SETTLE_MAX.fetch_max(microseconds, Ordering::Relaxed);
    } else {
        UNSETTLED_FORKS.add();
    }
}

/// The counts as a record's fields.
pub fn summary() -> Summary {
    let reported = KINDS.iter().zip(&BY_KIND).filter(|(_, count)| count.get() > 0);
    Summary {
        forks: forks(),
        settled_forks: SETTLED_FORKS.get(),
        unsettled_forks: UNSETTLED_FORKS.get(),
        settle_max_us: SETTLE_MAX.load(Ordering::Relaxed),
        settle_total_us: SETTLE_TOTAL.load(Ordering::Relaxed),
        unsafe_forks: UNSAFE_FORKS.get(),
        exec_bound_forks: EXEC_BOUND_FORKS.get(),
        by_kind: reported
            .map(|(row, count)| (row.name.to_owned(), count.get()))
            .collect(),
        suppressed: SUPPRESSED.get(),
        repeated: REPEATED.get().saturating_add(family::take_repeated()),
        locks_dropped: threads::all()
            .map(|(_, _, thread)| thread.held.dropped())
            .fold(DROPPED_LOCKS.get(), u64::saturating_add),
    }
}

/// Adds what a thread that ends has counted.
pub fn add_dropped_locks(thread: &Thread) {
    let dropped = thread.held.take_dropped();
    if dropped != 0 {
        DROPPED_LOCKS.add_many(dropped);
    }
}

/// Adds the forks that this thread counted while it was the only one.
pub fn add_own_forks() {
    FORKS.add_many(Thread::take_forks());
}

/// In a forked child: sets every count to zero.
pub fn reset() {
    // Relaxed: in a process that has one thread.
    let single = [
        &FORKS,
        &UNSAFE_FORKS,
        &EXEC_BOUND_FORKS,
        &SUPPRESSED,
        &REPEATED,
        &DROPPED_LOCKS,
        &SETTLED_FORKS,
        &UNSETTLED_FORKS,
    ];
    SETTLE_MAX.store(0, Ordering::Relaxed);
    SETTLE_TOTAL.store(0, Ordering::Relaxed);
    for count in single.into_iter().chain(&BY_KIND) {
        count.0.store(0, Ordering::Relaxed);
    }
}
