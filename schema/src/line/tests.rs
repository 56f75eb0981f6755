//! Lines, and what is cut from those that would be too long.

mod child;

use super::{line, write};
use crate::kind::{Kind, Severity};
use crate::record::{
    Detail, Fork, Frame, LeakedLock, Lock, LockKind, MAX_RECORD_BYTES, PythonFrame, Record, Thread, UnsafeFork, Waiting,
};

fn frame(symbol: &str) -> Frame {
    Frame {
        ip: "0x1000".into(),
        symbol: Some(symbol.into()),
        ..Frame::default()
    }
}

fn record(threads: usize, argument: String) -> Record {
    let thread = |tid| Thread {
        tid,
        name: format!("worker-{tid}"),
        start_routine: Some("run".into()),
        created_stack: Some(vec![frame("create"); 16]),
        stack: Some(vec![frame("wait"); 16]),
        python_stack: None,
        waiting: None,
    };
    let fork = Fork {
        function: "fork".into(),
        child_pid: Some(2),
        exec_bound: false,
        stack: vec![frame("main")],
        python_stack: None,
    };
    let threads = (0..i32::try_from(threads).unwrap()).map(thread).collect();
    Record {
        time: "2026-01-01T00:00:00.000000000Z".into(),
        severity: Severity::Warn,
        schema: crate::SCHEMA.into(),
        kind: Kind::UnsafeFork,
        fingerprint: "0123456789abcdef".into(),
        message: "a fork".into(),
        host: "host".into(),
        pid: 1,
        ppid: 0,
        tid: 1,
        thread: "main".into(),
        exe: "/bin/program".into(),
        argv: Some(vec![argument]),
        service: "program".into(),
        context: None,
        fork_id: Some("1-2".into()),
        detail: Detail::UnsafeFork(UnsafeFork {
            fork,
            threads,
            locks: vec![],
            advice: vec![],
            settled: None,
        }),
        truncated: vec![],
    }
}

#[test]
fn time_is_the_first_key_and_control_characters_are_escaped() {
    let text = String::from_utf8(line(&record(1, "a\u{1b}[31m\n".into())).unwrap()).unwrap();
    assert!(text.starts_with("{\"time\":\"2026-") && text.ends_with("}\n"));
    assert!(text.contains("a\\u001b[31m\\n") && text.matches('\n').count() == 1);
    let back: Record = serde_json::from_str(&text).unwrap();
    assert_eq!(back, record(1, "a\u{1b}[31m\n".into()));
}

#[test]
fn control_characters_that_json_would_let_pass_are_escaped_too() {
    let argument = "\u{9b}31m\u{7f}größe\u{85}";
    let text = String::from_utf8(line(&record(0, argument.into())).unwrap()).unwrap();
    assert!(text.contains(r"\u009b31m\u007fgröße\u0085"), "{text}");
    let back: Record = serde_json::from_str(&text).unwrap();
    assert_eq!(back.argv.unwrap(), [argument]);
}

#[test]
fn other_text_is_written_as_serde_json_writes_it() {
    let record = record(3, "plain \"quoted\" \\ größe".into());
    let mut plain = serde_json::to_vec(&record).unwrap();
    plain.push(b'\n');
    assert_eq!(write(&record).unwrap(), plain);
}

#[test]
fn long_lists_are_cut_and_it_is_said() {
    let text = line(&record(400, String::new())).unwrap();
    assert!(text.len() <= MAX_RECORD_BYTES);
    let back: Record = serde_json::from_slice(&text).unwrap();
    assert_eq!(
        back.truncated,
        ["thread stacks: 8 of 400 kept", "threads: 200 of 400 kept"]
    );
}

#[test]
fn a_monstrous_argument_still_gives_a_line() {
    let text = line(&record(1, "x".repeat(200_000))).unwrap();
    let back: Record = serde_json::from_slice(&text).unwrap();
    assert_eq!(back.truncated, ["argv texts: 512 bytes of each kept"]);
    let Detail::UnsafeFork(detail) = back.detail else {
        unreachable!()
    };
    assert!(detail.threads[0].stack.is_some(), "what says more is kept");
}

/// A text of `length` bytes that take six each in JSON.
fn monster(length: usize) -> String {
    "\u{1}".repeat(length)
}

/// A record in which nothing is small.
fn monstrous() -> Record {
    let frame = Frame {
        ip: "0x1000".into(),
        module: Some(monster(4096)),
        offset: Some("0x1".into()),
        build_id: Some("ab".repeat(20)),
        symbol: Some(monster(1024)),
        file: Some(monster(4096)),
        line: Some(1),
    };
    let python = vec![
        PythonFrame {
            file: monster(4096),
            line: 1,
            function: monster(1024)
        };
        64
    ];
    let stack = vec![frame; 64];
    let mut record = record(40, monster(10_000));
    record.argv = Some(vec![monster(10_000); 100]);
    (record.context, record.service, record.exe) = (Some(monster(10_000)), monster(10_000), monster(10_000));
    (record.host, record.thread, record.message) = (monster(10_000), monster(10_000), monster(10_000));
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    (detail.fork.stack, detail.fork.python_stack) = (stack.clone(), Some(python.clone()));
    for thread in &mut detail.threads {
        (thread.name, thread.start_routine) = (monster(1024), Some(monster(1024)));
        (thread.stack, thread.python_stack) = (Some(stack.clone()), Some(python.clone()));
        thread.waiting = Some(Waiting {
            call: monster(64),
            address: Some(monster(64)),
        });
    }
    let lock = Lock {
        address: "0x1".into(),
        kind: LockKind::Mutex,
        name: Some(monster(1024)),
        owner_tid: Some(1),
        owner: Some(monster(1024)),
        acquired_stack: stack,
        waiters: (0..10_000).collect(),
        ..Lock::default()
    };
    detail.locks = vec![lock; 64];
    detail.advice = vec![monster(1024); 20];
    record
}

#[test]
fn nothing_is_too_big_to_be_reported() {
    let text = line(&monstrous()).expect("a line");
    assert!(text.len() <= MAX_RECORD_BYTES);
    let back: Record = serde_json::from_slice(&text).unwrap();
    let Detail::UnsafeFork(detail) = &back.detail else {
        unreachable!()
    };
    assert!(!detail.fork.stack.is_empty() && !detail.locks.is_empty() && !detail.threads.is_empty());
    for list in ["argv", "threads", "locks", "waiters", "frames", "texts"] {
        let is_listed = |entry: &String| entry.starts_with(list);
        assert!(back.truncated.iter().any(is_listed), "{list}: {:?}", back.truncated);
    }
}

#[test]
fn a_monstrous_leaked_lock_is_reported_too() {
    let mut record = monstrous();
    let Detail::UnsafeFork(mut detail) = record.detail else {
        unreachable!()
    };
    let lock = detail.locks.remove(0);
    record.kind = Kind::LeakedLock;
    record.detail = Detail::LeakedLock(LeakedLock { lock });
    assert!(line(&record).expect("a line").len() <= MAX_RECORD_BYTES);
}
