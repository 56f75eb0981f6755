//! The records of forked children.

use crate::kind::{Kind, Severity};
use crate::record::{
    Call, Detail, ForkOutcome, Frame, Lock, LockKind, MAX_RECORD_BYTES, OrphanedLock, Outcome, Phase, PythonFrame,
    Record, SlowHandler, StuckChild, WaitObject,
};

use super::{frame, line, monster, monstrous, record};

fn python() -> Option<Vec<PythonFrame>> {
    let (file, function) = ("app.py".into(), "run".into());
    Some(vec![PythonFrame {
        file,
        line: 7,
        function,
    }])
}

fn orphan(stack: Vec<Frame>, name: Option<&str>, waiters: Vec<i32>) -> Detail {
    let lock = Lock {
        address: "0x5".into(),
        kind: LockKind::Libc,
        name: name.map(Into::into),
        owner_tid: Some(2),
        owner: name.map(Into::into),
        acquired_stack: stack.clone(),
        created_stack: Some(stack.clone()),
        waiters,
        ..Lock::default()
    };
    let (call, blocking) = ("localtime".into(), false);
    Detail::OrphanedLock(OrphanedLock {
        call,
        lock,
        stack,
        python_stack: python(),
        blocking,
    })
}

fn stuck(stack: Vec<Frame>, call: &str, address: Option<&str>, parent_tids: Vec<i32>) -> Detail {
    let (call, address) = (call.into(), address.map(Into::into));
    let object = WaitObject::Rwlock;
    Detail::StuckChild(StuckChild {
        call,
        address,
        object,
        name: None,
        parent_tids,
        lost_threads: Vec::new(),
        timed_waits: None,
        stack,
        python_stack: None,
    })
}

fn call(stack: Vec<Frame>, call: &str, library: Option<&str>) -> Detail {
    let (call, library) = (call.into(), library.map(Into::into));
    Detail::Call(Call {
        call,
        library,
        stack,
        python_stack: None,
    })
}

fn slow(library: Option<&str>) -> Detail {
    let (library, phase, milliseconds) = (library.map(Into::into), Phase::Child, u64::MAX);
    Detail::SlowHandler(SlowHandler {
        library,
        phase,
        milliseconds,
        waits: None,
    })
}

fn outcome(outcome: Outcome, program: Option<&str>) -> Detail {
    let program = program.map(Into::into);
    Detail::ForkOutcome(ForkOutcome {
        child_pid: 3,
        outcome,
        program,
    })
}

fn record_of(mut record: Record, kind: Kind, detail: Detail) -> Record {
    (record.kind, record.severity, record.detail) = (kind, Severity::Fatal, detail);
    record
}

#[test]
fn what_is_written_is_read_back() {
    let stack = || vec![frame("f")];
    for (kind, detail) in [
        (Kind::OrphanedLock, orphan(stack(), Some("libc:tz"), vec![1])),
        (Kind::OrphanedLock, orphan(vec![], None, vec![])),
        (Kind::StuckChild, stuck(stack(), "sem_wait", Some("0x5"), vec![2, 3])),
        (Kind::StuckChild, stuck(vec![], "futex", None, vec![])),
        (Kind::ThreadAfterFork, call(stack(), "pthread_create", None)),
        (Kind::UnsafeCall, call(vec![], "malloc", None)),
        (Kind::GuardedCall, call(stack(), "cuInit", Some("libcuda.so.1"))),
        (Kind::SlowHandler, slow(Some("libgrpc.so"))),
        (Kind::SlowHandler, slow(None)),
        (Kind::ForkOutcome, outcome(Outcome::Exec, Some("/bin/true"))),
        (Kind::ForkOutcome, outcome(Outcome::Exit, None)),
    ] {
        let given = record_of(record(0, String::new()), kind, detail);
        let text = String::from_utf8(line(&given).unwrap()).unwrap();
        let back: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(back, given, "{text}");
    }
}

#[test]
fn the_keys_are_in_the_documented_order() {
    let text =
        |kind, detail| String::from_utf8(line(&record_of(record(0, String::new()), kind, detail)).unwrap()).unwrap();
    for (text, keys) in [
        (
            text(Kind::OrphanedLock, orphan(vec![], None, vec![])),
            &["call", "lock", "stack", "python_stack", "blocking"][..],
        ),
        (
            text(Kind::StuckChild, stuck(vec![], "futex", None, vec![])),
            &[
                "call",
                "address",
                "object",
                "parent_tids",
                "lost_threads",
                "timed_waits",
                "stack",
                "python_stack",
            ],
        ),
        (
            text(Kind::ThreadAfterFork, call(vec![], "pthread_create", None)),
            &["call", "library", "stack", "python_stack"],
        ),
        (
            text(Kind::SlowHandler, slow(None)),
            &["library", "phase", "milliseconds"],
        ),
        (
            text(Kind::ForkOutcome, outcome(Outcome::Exec, Some("/x"))),
            &["child_pid", "outcome", "program"],
        ),
    ] {
        let places: Vec<_> = keys.iter().map(|key| text.rfind(&format!("\"{key}\":"))).collect();
        assert!(
            places.is_sorted() && places.iter().all(Option::is_some),
            "{places:?} {text}"
        );
    }
}

#[test]
fn each_kind_is_cut_until_it_fits() {
    let big = || monster(10_000);
    let Detail::UnsafeFork(fork) = monstrous().detail else {
        unreachable!()
    };
    let stack = || fork.fork.stack.clone();
    for (kind, detail) in [
        (Kind::OrphanedLock, orphan(stack(), Some(&big()), (0..30_000).collect())),
        (
            Kind::StuckChild,
            stuck(stack(), &big(), Some(&big()), (0..30_000).collect()),
        ),
        (Kind::ThreadAfterFork, call(stack(), &big(), Some(&big()))),
        (Kind::SlowHandler, slow(Some(&big()))),
        (Kind::ForkOutcome, outcome(Outcome::Exec, Some(&big()))),
    ] {
        let text = line(&record_of(monstrous(), kind, detail)).unwrap_or_else(|| panic!("{kind:?} gives no line"));
        assert!(text.len() <= MAX_RECORD_BYTES);
        let back: Record = serde_json::from_slice(&text).unwrap();
        assert!(back.kind == kind && !back.truncated.is_empty(), "{:?}", back.truncated);
    }
}

#[test]
fn long_lists_of_threads_are_cut_and_it_is_said() {
    let detail = stuck(vec![frame("f")], "sem_wait", None, (10_000..30_000).collect());
    let text = line(&record_of(record(0, String::new()), Kind::StuckChild, detail)).unwrap();
    let back: Record = serde_json::from_slice(&text).unwrap();
    assert_eq!(back.truncated, ["parent_tids: 100 of 20000 kept"]);
    let Detail::StuckChild(detail) = back.detail else {
        unreachable!()
    };
    assert_eq!(
        (detail.parent_tids.len(), detail.stack.len()),
        (100, 1),
        "the stack is kept"
    );
}
