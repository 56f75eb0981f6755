//! What this process has seen, for its `summary`. A child begins anew.

use core::sync::atomic::{AtomicU64, Ordering};

use forkwatch_schema::kind::KINDS;
use forkwatch_schema::record::Summary;

use crate::state::threads;

/// One count.
#[derive(Debug)]
pub struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub fn add(&self) {
        self.add_many(1);
    }

    /// Some more.
    pub fn add_many(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Forks by threads that have ended; each other thread counts its own.
pub static FORKS: Count = Count::new();
/// Forks with other threads alive, whose caller is not exec-bound.
pub static UNSAFE_FORKS: Count = Count::new();
/// Forks whose caller does nothing but exec.
pub static EXEC_BOUND_FORKS: Count = Count::new();
/// Findings, threads and locks that a rule silenced.
pub static SUPPRESSED: Count = Count::new();
/// Findings told before.
pub static REPEATED: Count = Count::new();
/// Records written, in the order of [`KINDS`].
pub static BY_KIND: [Count; KINDS.len()] = [const { Count::new() }; KINDS.len()];

/// Whether anything was told.
pub fn any_finding() -> bool {
    BY_KIND.iter().any(|count| count.get() > 0)
}

/// Forks of any sort.
pub fn forks() -> u64 {
    FORKS.get() + threads::all().map(|(_, _, thread)| thread.forks()).sum::<u64>()
}

/// The counts as a record's fields.
pub fn summary() -> Summary {
    let told = KINDS.iter().zip(&BY_KIND).filter(|(_, count)| count.get() > 0);
    Summary {
        forks: forks(),
        unsafe_forks: UNSAFE_FORKS.get(),
        exec_bound_forks: EXEC_BOUND_FORKS.get(),
        by_kind: told.map(|(row, count)| (row.name.to_owned(), count.get())).collect(),
        suppressed: SUPPRESSED.get(),
        repeated: REPEATED.get(),
        locks_dropped: threads::all()
            .map(|(_, _, thread)| thread.held.dropped.load(Ordering::Relaxed))
            .sum(),
    }
}

/// At the beginning of a process, a forked one too: everything from zero.
pub fn begin_anew() {
    threads::all().for_each(|(_, _, thread)| thread.forget_forks());
    let single = [&FORKS, &UNSAFE_FORKS, &EXEC_BOUND_FORKS, &SUPPRESSED, &REPEATED];
    for count in single.into_iter().chain(&BY_KIND) {
        count.0.store(0, Ordering::Relaxed);
    }
}
