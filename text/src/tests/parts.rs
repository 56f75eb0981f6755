//! The parts of records.

use forkwatch_schema::SCHEMA;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Fork, Frame, Lock, LockKind, PythonFrame, Record, Thread, UnsafeFork, Waiting};

/// A record with the fields of a kind.
pub fn build(kind: Kind, severity: Severity, detail: Detail) -> Record {
    Record {
        time: "2026-11-21T03:12:45.123456789Z".into(),
        severity,
        schema: SCHEMA.into(),
        kind,
        fingerprint: "9f2c4e1ab07d3358".into(),
        message: String::new(),
        host: "node-7".into(),
        pid: 4242,
        ppid: 1,
        tid: 4242,
        thread: "main".into(),
        exe: "/home/ann/shop/target/shop".into(),
        argv: None,
        service: "shop".into(),
        context: None,
        fork_id: None,
        detail,
        truncated: Vec::new(),
    }
}

pub fn unsafe_fork(stack: Vec<Frame>, threads: Vec<Thread>, locks: Vec<Lock>, advice: &[&str]) -> Record {
    let severity = if locks.is_empty() {
        Severity::Warn
    } else {
        Severity::Error
    };
    let detail = UnsafeFork {
        fork: Fork {
            function: "fork".into(),
            child_pid: Some(4250),
            exec_bound: false,
            stack,
            python_stack: None,
        },
        threads,
        locks,
        advice: advice.iter().map(|line| (*line).to_owned()).collect(),
        settled: None,
    };
    build(Kind::UnsafeFork, severity, Detail::UnsafeFork(detail))
}

/// A frame with its source line.
pub fn at(symbol: &str, file: &str, line: u32) -> Frame {
    Frame {
        symbol: Some(symbol.into()),
        file: Some(file.into()),
        line: Some(line),
        ..inside(symbol, "/home/ann/shop/target/shop", "0x1189")
    }
}

/// A frame without a source line.
pub fn inside(symbol: &str, module: &str, offset: &str) -> Frame {
    Frame {
        ip: "0x7f2b3c0a1189".into(),
        module: Some(module.into()),
        offset: Some(offset.into()),
        build_id: None,
        symbol: (!symbol.is_empty()).then(|| symbol.into()),
        file: None,
        line: None,
    }
}

pub fn libc(symbol: &str, offset: &str) -> Frame {
    inside(symbol, "/usr/lib/x86_64-linux-gnu/libc.so.6", offset)
}

pub fn python_frame(function: &str, file: &str, line: u32) -> PythonFrame {
    PythonFrame {
        file: file.into(),
        line,
        function: function.into(),
    }
}

pub fn main_bottom() -> [Frame; 3] {
    [
        libc("__libc_start_call_main", "0x29d8f"),
        libc("__libc_start_main", "0x29e3f"),
        inside("_start", "/shop", "0x10c4"),
    ]
}

pub fn thread(tid: i32, name: &str, routine: &str, created: Option<Vec<Frame>>) -> Thread {
    Thread {
        tid,
        name: name.into(),
        start_routine: Some(routine.into()),
        created_stack: created,
        stack: None,
        python_stack: None,
        waiting: None,
    }
}

pub fn waits(call: &str, address: Option<&str>) -> Option<Waiting> {
    Some(Waiting {
        call: call.into(),
        address: address.map(Into::into),
    })
}

pub fn lock(kind: LockKind, name: Option<&str>, owner: &Thread, stack: Vec<Frame>, waiters: Vec<i32>) -> Lock {
    Lock {
        address: "0x55d0c81a4040".into(),
        kind,
        name: name.map(Into::into),
        owner_tid: Some(owner.tid),
        owner: Some(owner.name.clone()),
        acquired_stack: stack,
        waiters,
        ..Lock::default()
    }
}
