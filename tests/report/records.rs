//! Records of each kind, through the types that the library writes them with.

use forkwatch_schema::SCHEMA;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{
    Detail, Fork, ForkOutcome, Frame, Lock, LockKind, OrphanedLock, Outcome, Record, Thread, UnsafeFork,
};

pub fn frame(symbol: &str, file: &str, line: u32) -> Frame {
    Frame {
        ip: "0x1000".into(),
        module: Some("/srv/shop".into()),
        offset: Some(format!("{:#x}", line * 16)),
        build_id: Some("beef".into()),
        symbol: Some(symbol.into()),
        file: Some(file.into()),
        line: Some(line),
    }
}

pub fn lock() -> Lock {
    Lock {
        address: "0x10".into(),
        id: Some("00000000000000a1".into()),
        kind: LockKind::Mutex,
        name: Some("cache".into()),
        owner_tid: Some(43),
        owner: Some("keeper".into()),
        acquired_stack: vec![frame("fill", "/src/cache.c", 5)],
        ..Lock::default()
    }
}

pub fn record(kind: Kind, severity: Severity, fingerprint: u64, detail: Detail) -> Record {
    Record {
        time: "2026-11-21T03:12:45.123456789Z".into(),
        severity,
        schema: SCHEMA.into(),
        kind,
        fingerprint: format!("{fingerprint:016x}"),
        message: format!("what {fingerprint} says"),
        host: "node-1".into(),
        pid: 42,
        ppid: 1,
        tid: 42,
        thread: "main".into(),
        exe: "/srv/shop".into(),
        argv: None,
        service: "shop".into(),
        context: None,
        fork_id: None,
        detail,
        truncated: vec![],
    }
}

/// A fork at a line of `shop.c`, with a lock held or not.
pub fn unsafe_fork(fingerprint: u64, line: u32, fork_id: &str, locks: Vec<Lock>) -> Record {
    let severity = if locks.is_empty() {
        Severity::Warn
    } else {
        Severity::Error
    };
    let thread = Thread {
        tid: 43,
        name: "keeper".into(),
        start_routine: Some("keep".into()),
        created_stack: None,
        stack: None,
        python_stack: None,
        waiting: None,
    };
    let fork = Fork {
        function: "fork".into(),
        child_pid: Some(50),
        exec_bound: false,
        stack: vec![frame("send", "/src/shop.c", line)],
        python_stack: None,
    };
    let detail = UnsafeFork {
        fork,
        threads: vec![thread],
        locks,
        advice: vec!["fork before".into()],
        settled: None,
    };
    Record {
        fork_id: Some(fork_id.into()),
        ..record(Kind::UnsafeFork, severity, fingerprint, Detail::UnsafeFork(detail))
    }
}

pub fn orphaned_lock(fingerprint: u64, fork_id: &str) -> Record {
    let detail = OrphanedLock {
        call: "pthread_mutex_lock".into(),
        lock: lock(),
        stack: vec![frame("look_up", "/src/cache.c", 9)],
        python_stack: None,
        blocking: true,
    };
    Record {
        pid: 50,
        fork_id: Some(fork_id.into()),
        ..record(
            Kind::OrphanedLock,
            Severity::Fatal,
            fingerprint,
            Detail::OrphanedLock(detail),
        )
    }
}

pub fn outcome(fork_id: &str, outcome: Outcome) -> Record {
    let detail = ForkOutcome {
        child_pid: 50,
        outcome,
        program: (outcome == Outcome::Exec).then(|| "/bin/true".into()),
    };
    Record {
        fork_id: Some(fork_id.into()),
        ..record(Kind::ForkOutcome, Severity::Info, 900, Detail::ForkOutcome(detail))
    }
}

pub fn line(record: &Record) -> String {
    serde_json::to_string(record).unwrap() + "\n"
}

pub fn lines(records: &[Record]) -> String {
    records.iter().map(line).collect()
}
