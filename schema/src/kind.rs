//! The kinds of finding: one row each, with its meaning.

use serde::{Deserialize, Serialize};

/// How bad a finding is. OpenTelemetry, Loki and Google Cloud read these words unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Bookkeeping.
    #[default]
    Info,
    /// Other threads are alive: the child may only call async-signal-safe functions.
    Warn,
    /// Another thread holds a lock: the child hangs if it needs it.
    Error,
    /// Realised in the child: it can never go on.
    Fatal,
}

impl Severity {
    /// The word in records and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// Reads [`Self::name`] back, without regard to case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error, Self::Fatal]
            .into_iter()
            .find(|severity| severity.name().eq_ignore_ascii_case(word))
    }
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fork while other threads are alive.
    UnsafeFork,
    /// A child needs a lock whose holder does not exist in the child.
    OrphanedLock,
    /// A child takes a lock that another thread takes, too: at another moment, the fork would have left it locked.
    PossibleDeadlock,
    /// A child with one thread waits for something that only a lost thread would do.
    StuckChild,
    /// A child of a threaded process creates a thread before exec.
    ThreadAfterFork,
    /// A thread ended while it held a lock.
    LeakedLock,
    /// A child uses a descriptor that a thread of the parent waits on.
    SharedWakeup,
    /// Parent and child use one open file description.
    SharedFd,
    /// A child calls into a library that must not be used after fork.
    GuardedCall,
    /// A child calls a function that is not async-signal-safe.
    UnsafeCall,
    /// An at-fork handler took over a second, or waits.
    SlowHandler,
    /// What became of the child of a reported fork.
    ForkOutcome,
    /// Counts at the end of a process that had a finding.
    Summary,
}

/// One row of [`KINDS`].
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// The kind.
    pub kind: Kind,
    /// Its spelling in records, suppressions and on the command line.
    pub name: &'static str,
    /// What happened, in one or two sentences for readers new to it.
    pub meaning: &'static str,
    /// Whether this version's library or command writes such records. The others are only read.
    pub is_written: bool,
}

/// Every kind, in the order of the enum.
pub const KINDS: &[KindRow] = &[
    KindRow {
        kind: Kind::UnsafeFork,
        name: "unsafe_fork",
        meaning: "A process with several threads forked. The child has only the thread that called fork, and every \
                  lock that another thread held stays locked in the child for ever.",
        is_written: true,
    },
    KindRow {
        kind: Kind::OrphanedLock,
        name: "orphaned_lock",
        meaning: "A forked child needs a lock that another thread held at the fork. That thread does not exist in the \
                  child, so nobody will ever release the lock.",
        is_written: true,
    },
    KindRow {
        kind: Kind::PossibleDeadlock,
        name: "possible_deadlock",
        meaning: "A forked child took a lock that another thread of its parent takes, too. The lock happened to be free at the \
                  fork. Had the fork come while that thread held it, the child would wait for it for ever.",
        is_written: true,
    },
    KindRow {
        kind: Kind::StuckChild,
        name: "stuck_child",
        meaning: "A forked child with one thread waits without a time-out for something that only a thread of the \
                  parent could do.",
        is_written: true,
    },
    KindRow {
        kind: Kind::ThreadAfterFork,
        name: "thread_after_fork",
        meaning: "The child of a threaded process created a thread before exec, which POSIX does not allow.",
        is_written: true,
    },
    KindRow {
        kind: Kind::LeakedLock,
        name: "leaked_lock",
        meaning: "A thread ended while it still held a lock, so nobody can release the lock any more.",
        is_written: true,
    },
    KindRow {
        kind: Kind::SharedWakeup,
        name: "shared_wakeup",
        meaning: "A forked child uses a descriptor that a thread of the parent waits on, so each takes the other's wake-ups.",
        is_written: true,
    },
    KindRow {
        kind: Kind::SharedFd,
        name: "shared_fd",
        meaning: "Parent and child both use an open file description that was made before the fork.",
        is_written: true,
    },
    KindRow {
        kind: Kind::GuardedCall,
        name: "guarded_call",
        meaning: "A forked child called into a library that must not be used after fork without exec.",
        is_written: true,
    },
    KindRow {
        kind: Kind::UnsafeCall,
        name: "unsafe_call",
        meaning: "The child of a threaded process called a function that is not async-signal-safe.",
        is_written: true,
    },
    KindRow {
        kind: Kind::SlowHandler,
        name: "slow_handler",
        meaning: "An at-fork handler of a library took over a second, or waits.",
        is_written: true,
    },
    KindRow {
        kind: Kind::ForkOutcome,
        name: "fork_outcome",
        meaning: "What the child of a reported fork went on to do.",
        is_written: true,
    },
    KindRow {
        kind: Kind::Summary,
        name: "summary",
        meaning: "Counts at the end of a process that had a finding.",
        is_written: true,
    },
];

/// The kinds that this version writes, which can be explained and selected.
pub fn written() -> impl Iterator<Item = &'static KindRow> {
    KINDS.iter().filter(|row| row.is_written)
}

impl Kind {
    /// The row of [`KINDS`] for this kind.
    pub fn row(self) -> &'static KindRow {
        // The table lists the kinds in the order of the enum, as a test checks.
        &KINDS[self as usize]
    }

    /// The spelling in records.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Reads [`Self::name`] back.
    pub fn parse(word: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.name == word).map(|row| row.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Kind, Severity};

    #[test]
    fn the_table_follows_the_enum() {
        for (position, row) in KINDS.iter().enumerate() {
            assert_eq!(row.kind as usize, position);
            assert_eq!(serde_json::to_string(&row.kind).unwrap(), format!("\"{}\"", row.name));
            assert_eq!(Kind::parse(row.name), Some(row.kind));
        }
    }

    #[test]
    fn severities_are_ordered_and_spelt_as_in_records() {
        assert!(Severity::Fatal > Severity::Error && Severity::Error > Severity::Warn);
        assert_eq!(serde_json::to_string(&Severity::Fatal).unwrap(), "\"FATAL\"");
        assert_eq!(Severity::parse("error"), Some(Severity::Error));
    }
}
