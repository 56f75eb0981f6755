//! The records of a run, read as any user would.

use std::path::Path;

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{
    Call, Detail, ForkOutcome, LeakedLock, Lock, OrphanedLock, Outcome, Record, SharedDescriptor, SlowHandler,
};
use forkwatch_schema::record::{PossibleDeadlock, StuckChild, Summary, UnsafeFork};
use serde_json::Value;

use super::record_schema;

/// The kinds whose fields the schema knows.
const KNOWN: [Kind; 11] = [
    Kind::SharedWakeup,
    Kind::SharedFd,
    Kind::UnsafeFork,
    Kind::OrphanedLock,
    Kind::PossibleDeadlock,
    Kind::StuckChild,
    Kind::ThreadAfterFork,
    Kind::LeakedLock,
    Kind::SlowHandler,
    Kind::ForkOutcome,
    Kind::Summary,
];

/// The kinds that belong to one fork.
const OF_A_CHILD: [Kind; 7] = [
    Kind::SharedWakeup,
    Kind::SharedFd,
    Kind::OrphanedLock,
    Kind::PossibleDeadlock,
    Kind::StuckChild,
    Kind::ThreadAfterFork,
    Kind::ForkOutcome,
];

/// The locks in a record.
fn locks(detail: &Detail) -> &[Lock] {
    match detail {
        Detail::UnsafeFork(fork) => &fork.locks,
        Detail::OrphanedLock(orphan) => std::slice::from_ref(&orphan.lock),
        Detail::LeakedLock(leak) => std::slice::from_ref(&leak.lock),
        _ => &[],
    }
}

/// One line of a log.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub kind: Kind,
    pub severity: Severity,
    /// The whole record, where its kind's fields are known to the schema.
    pub record: Option<Record>,
}

impl Line {
    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON ({error}): {text}"))?;
        record_schema::check(&value).map_err(|error| format!("{error}: {text}"))?;
        let word = |key: &str| value[key].as_str().ok_or(format!("no {key}: {text}"));
        let kind = Kind::parse(word("kind")?).ok_or(format!("no known kind: {text}"))?;
        let severity = Severity::parse(word("severity")?).ok_or(format!("no known severity: {text}"))?;
        let record = match serde_json::from_str::<Record>(text) {
            Ok(record) => Some(record),
            Err(error) if KNOWN.contains(&kind) => {
                return Err(format!("no record ({error}): {text}"));
            }
            Err(_) => None,
        };
        let line = Self {
            text: text.to_owned(),
            kind,
            severity,
            record,
        };
        line.is_sound().map_err(|error| format!("{error}: {text}"))?;
        Ok(line)
    }

    /// What every record must be, whatever its kind.
    fn is_sound(&self) -> Result<(), String> {
        let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        demand(self.text.starts_with("{\"time\":\""), "time is not the first key")?;
        demand(
            self.text.len() < forkwatch_schema::record::MAX_RECORD_BYTES,
            "longer than the longest record",
        )?;
        let Some(record) = &self.record else { return Ok(()) };
        demand(record.schema == forkwatch_schema::SCHEMA, "another schema")?;
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        demand(
            record.fingerprint.len() == 16 && hex(&record.fingerprint),
            "the fingerprint is not 16 hex digits",
        )?;
        let ids = locks(&record.detail)
            .iter()
            .map(|lock| lock.id.as_deref().unwrap_or_default());
        for id in ids {
            demand(id.len() == 16 && hex(id), "a lock's id is not 16 hex digits")?;
        }
        demand(
            record.time.len() == 30 && record.time.ends_with('Z'),
            "the time is not RFC 3339 UTC with nanoseconds",
        )?;
        demand(
            record.pid > 0 && record.tid > 0 && record.ppid >= 0,
            "ids that cannot be",
        )?;
        if let Detail::UnsafeFork(fork) = &record.detail {
            let right = match &fork.settled {
                _ if !fork.locks.iter().all(|lock| lock.made_anew) => Severity::Error,
                None => Severity::Warn,
                Some(_) => Severity::Info,
            };
            demand(
                self.severity == right,
                "WARN is for no lock that can hang the child, ERROR for one, INFO for a settled fork without one",
            )?;
            demand(!fork.threads.is_empty(), "no thread is alive")?;
            demand(record.fork_id.is_some(), "no fork_id")?;
            let by_the_child = fork.fork.child_pid.is_none_or(|child| child == record.pid);
            demand(
                !fork.fork.exec_bound || by_the_child,
                "an exec-bound fork is none of our business, unless its child goes astray",
            )?;
        }
        demand(
            !OF_A_CHILD.contains(&self.kind) || record.fork_id.is_some(),
            "a child's record without fork_id",
        )?;
        if let Some(right) = self.childs_severity() {
            demand(
                self.severity == right,
                &format!("a child reports this as {}", right.name()),
            )?;
        }
        if let Some(outcome) = self.fork_outcome() {
            demand(outcome.child_pid > 0, "a child without a pid")?;
            let became = outcome.outcome == Outcome::Exec;
            demand(
                outcome.program.is_some() == became,
                "a program goes with exec, and only with it",
            )?;
        }
        if let Some(orphan) = self.orphaned_lock() {
            let lock = &orphan.lock;
            demand(lock.owner_tid != Some(record.tid), "the asking thread owns the lock")?;
        }
        Ok(())
    }

    /// How bad a child's finding is, whichever program it is in; nothing for other records.
    fn childs_severity(&self) -> Option<Severity> {
        let says = |words: &str| {
            let record = self.record.as_ref();
            record.is_some_and(|record| record.message.contains(words))
        };
        // A handler of the child could leave the wait, or each wait ends and only the loop does not.
        let may_end = says("may wait for ever") || says("waits again and again");
        match self.kind {
            Kind::OrphanedLock if says("is aborted by libc") => Some(Severity::Fatal),
            Kind::OrphanedLock if self.orphaned_lock()?.blocking && !may_end => Some(Severity::Fatal),
            Kind::OrphanedLock => Some(Severity::Error),
            Kind::PossibleDeadlock => Some(Severity::Error),
            Kind::StuckChild if may_end => Some(Severity::Error),
            Kind::StuckChild => Some(Severity::Fatal),
            Kind::SharedWakeup => Some(Severity::Error),
            Kind::ThreadAfterFork | Kind::SharedFd => Some(Severity::Warn),
            Kind::ForkOutcome => Some(Severity::Info),
            _ => None,
        }
    }

    pub fn unsafe_fork(&self) -> Option<&UnsafeFork> {
        match &self.record.as_ref()?.detail {
            Detail::UnsafeFork(fork) => Some(fork),
            _ => None,
        }
    }

    pub fn orphaned_lock(&self) -> Option<&OrphanedLock> {
        match &self.record.as_ref()?.detail {
            Detail::OrphanedLock(orphan) => Some(orphan),
            _ => None,
        }
    }

    pub fn possible_deadlock(&self) -> Option<&PossibleDeadlock> {
        match &self.record.as_ref()?.detail {
            Detail::PossibleDeadlock(possible) => Some(possible),
            _ => None,
        }
    }

    pub fn stuck_child(&self) -> Option<&StuckChild> {
        match &self.record.as_ref()?.detail {
            Detail::StuckChild(stuck) => Some(stuck),
            _ => None,
        }
    }

    pub fn shared_descriptor(&self) -> Option<&SharedDescriptor> {
        match &self.record.as_ref()?.detail {
            Detail::SharedDescriptor(shared) => Some(shared),
            _ => None,
        }
    }

    pub fn call(&self) -> Option<&Call> {
        match &self.record.as_ref()?.detail {
            Detail::Call(call) => Some(call),
            _ => None,
        }
    }

    pub fn slow_handler(&self) -> Option<&SlowHandler> {
        match &self.record.as_ref()?.detail {
            Detail::SlowHandler(handler) => Some(handler),
            _ => None,
        }
    }

    pub fn fork_outcome(&self) -> Option<&ForkOutcome> {
        match &self.record.as_ref()?.detail {
            Detail::ForkOutcome(outcome) => Some(outcome),
            _ => None,
        }
    }

    pub fn leaked_lock(&self) -> Option<&LeakedLock> {
        match &self.record.as_ref()?.detail {
            Detail::LeakedLock(leak) => Some(leak),
            _ => None,
        }
    }

    pub fn summary(&self) -> Option<&Summary> {
        match &self.record.as_ref()?.detail {
            Detail::Summary(summary) => Some(summary),
            _ => None,
        }
    }
}

/// Reads a log; there is none where nothing was reported.
pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    text.lines().map(Line::parse).collect()
}
