//! Which advice fits which record of a child.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{
    Call, Detail, Frame, Lock, LockKind, OrphanedLock, Phase, PythonFrame, Record, SlowHandler, StuckChild, WaitObject,
};

use super::{for_call, for_handler, for_stuck};

fn frame(module: &str, symbol: &str) -> Frame {
    Frame {
        module: Some(module.into()),
        symbol: Some(symbol.into()),
        ..Frame::default()
    }
}

fn orphan(kind: LockKind, name: Option<&str>, stack: Vec<Frame>, acquired_stack: Vec<Frame>) -> OrphanedLock {
    OrphanedLock {
        call: "pthread_mutex_lock".into(),
        lock: Lock {
            address: "0x1".into(),
            kind,
            name: name.map(Into::into),
            owner_tid: Some(2),
            owner: None,
            acquired_stack,
            ..Lock::default()
        },
        stack,
        python_stack: None,
        blocking: true,
    }
}

fn stuck(stack: Vec<Frame>) -> StuckChild {
    StuckChild {
        call: "pthread_cond_wait".into(),
        address: None,
        object: WaitObject::Condition,
        name: None,
        parent_tids: Vec::new(),
        lost_threads: Vec::new(),
        timed_waits: None,
        stack,
        python_stack: None,
    }
}

/// The advice for it in the child 3 of 2.
fn for_orphan(detail: &OrphanedLock) -> Vec<String> {
    super::for_orphan(&record(detail), detail)
}

fn record(detail: &OrphanedLock) -> Record {
    Record {
        time: String::new(),
        severity: Severity::Fatal,
        schema: forkwatch_schema::SCHEMA.into(),
        kind: Kind::OrphanedLock,
        fingerprint: String::new(),
        message: String::new(),
        host: String::new(),
        pid: 3,
        ppid: 2,
        tid: 3,
        thread: "app".into(),
        exe: "/app".into(),
        argv: None,
        service: String::new(),
        context: None,
        fork_id: None,
        detail: Detail::OrphanedLock(detail.clone()),
        truncated: Vec::new(),
    }
}

#[track_caller]
fn has(lines: &[String], words: &[&str]) {
    assert_eq!(lines.len(), words.len(), "{lines:?}");
    for (line, words) in lines.iter().zip(words) {
        assert!(line.contains(words), "{line}");
        assert!(
            line.ends_with('.') && !line.contains("  ") && line.len() < 400,
            "{line}"
        );
    }
}

const NATIVE: &str = "posix_spawn(), or fork before the first thread starts";
const PYTHON: &str = "multiprocessing.set_start_method(\"spawn\")";
const RUST: &str = "std::process::Command, or fork before the first std::thread::spawn";

#[test]
fn the_programs_own_lock() {
    let detail = orphan(
        LockKind::Mutex,
        None,
        vec![frame("/app", "main")],
        vec![frame("/app", "fill")],
    );
    has(
        &for_orphan(&detail),
        &[
            NATIVE,
            "pthread_atfork(lock, unlock, unlock) once for the lock in fill:",
        ],
    );
    let nothing_known = orphan(LockKind::Mutex, None, vec![], vec![]);
    has(&for_orphan(&nothing_known), &[NATIVE]);
}

#[test]
fn a_librarys_lock() {
    let detail = orphan(
        LockKind::Mutex,
        None,
        vec![],
        vec![frame("/usr/lib/libcache.so.2", "put")],
    );
    has(
        &for_orphan(&detail),
        &[NATIVE, "The maintainers of libcache.so.2 can fix this there"],
    );
}

#[test]
fn a_lock_that_refuses_its_release() {
    let mut detail = orphan(LockKind::Mutex, None, vec![], vec![frame("/app", "fill")]);
    detail.call = "pthread_mutex_unlock".into();
    has(&for_orphan(&detail), &["initialise the lock again (pthread_mutex_init"]);
}

#[test]
fn a_lock_of_the_thread_that_forked() {
    let mut detail = orphan(LockKind::Mutex, None, vec![], vec![frame("/app", "fill")]);
    detail.lock.owner = Some("app".into());
    has(
        &for_orphan(&detail),
        &["release it before the fork; the child cannot", NATIVE],
    );
    detail.lock.owner_tid = Some(7);
    has(&for_orphan(&detail), &[NATIVE, "pthread_atfork(lock, unlock, unlock)"]);
}

#[test]
fn a_name_stays_on_its_line() {
    let acquired = vec![frame("/app", "fill\nforkwatch: INFO")];
    let detail = orphan(LockKind::Mutex, Some("a\nb"), vec![], acquired);
    let lines = for_orphan(&detail);
    assert!(
        lines[1].contains(r#""a\nb", taken in fill\nforkwatch"#) && !lines.concat().contains('\n'),
        "{lines:?}"
    );
    let python = vec![frame("/usr/bin/python3.12", "PyThread_acquire_lock_timed")];
    let detail = orphan(LockKind::Semaphore, Some("x); import evil"), vec![], python);
    has(&for_orphan(&detail), &[PYTHON, "For a lock of your own"]);
}

#[test]
fn regions_of_libc_and_statics() {
    for (name, words) in [
        ("libc:tz", "Do not format times in the child"),
        ("libc:env", "pass it to execve()"),
        ("libc:exit", "End the child with _exit()"),
        ("libc:syslog", "through a pipe"),
        ("libc:locale", "before the first thread starts"),
        ("libc:random", "getrandom()"),
        ("libc:loader", "do not load libraries"),
        ("libc:resolver", "Look up host names before the fork"),
        ("libc:nss", "Look up users"),
    ] {
        let detail = orphan(LockKind::Libc, Some(name), vec![], vec![frame("/app", "log")]);
        has(&for_orphan(&detail), &[words, NATIVE]);
    }
    let detail = orphan(LockKind::StaticGuard, None, vec![], vec![frame("/app", "instance()")]);
    has(
        &for_orphan(&detail),
        &[NATIVE, "local static variable in instance() once"],
    );
}

#[test]
fn python_is_known_by_its_frames() {
    let waits = vec![frame("/usr/bin/python3.12", "PyThread_acquire_lock_timed")];
    let detail = orphan(LockKind::Semaphore, None, waits.clone(), vec![]);
    has(
        &for_orphan(&detail),
        &[PYTHON, "os.register_at_fork(after_in_child=...)"],
    );
    let detail = orphan(LockKind::Semaphore, None, vec![], waits.clone());
    has(
        &for_orphan(&detail),
        &[PYTHON, "os.register_at_fork(after_in_child=...)"],
    );
    let named = orphan(LockKind::Semaphore, Some("self.lock"), waits.clone(), waits.clone());
    has(
        &for_orphan(&named),
        &[PYTHON, "os.register_at_fork(after_in_child=self.lock._at_fork_reinit"],
    );
    let mut library = orphan(LockKind::Mutex, None, vec![], vec![frame("/usr/lib/libfoo.so", "put")]);
    library.python_stack = Some(vec![PythonFrame {
        file: "a.py".into(),
        line: 1,
        function: "f".into(),
    }]);
    has(&for_orphan(&library), &[PYTHON, "The maintainers of libfoo.so"]);
    has(
        &for_stuck(&stuck(waits)),
        &["os.register_at_fork(after_in_child=...)", PYTHON],
    );
    let mapped = vec![frame("/opt/lib/libpython3.13.so.1.0", "take_gil")];
    has(&for_stuck(&stuck(mapped)), &["Create objects that use threads", PYTHON]);
}

#[test]
fn rust_is_known_by_its_frames() {
    for symbol in [
        "parking_lot::raw_mutex::RawMutex::lock_slow",
        "<parking_lot_core::x>::f",
        "std::sys::sync::mutex::futex::Mutex::lock_contended",
    ] {
        has(&for_stuck(&stuck(vec![frame("/app", symbol)])), &["tokio", RUST]);
        let detail = orphan(LockKind::Mutex, None, vec![frame("/app", symbol)], vec![]);
        has(&for_orphan(&detail), &[RUST]);
    }
    for symbol in ["std::thread::_M_start_thread", "std::mutex::lock()", "main"] {
        has(
            &for_stuck(&stuck(vec![frame("/app", symbol)])),
            &["Start the threads that", NATIVE],
        );
    }
}

#[test]
fn calls_and_handlers() {
    let call = |stack| Call {
        call: "pthread_create".into(),
        library: None,
        stack,
        python_stack: None,
    };
    has(&for_call(Kind::ThreadAfterFork, &call(vec![])), &[NATIVE]);
    has(
        &for_call(Kind::GuardedCall, &call(vec![])),
        &["Use the library", NATIVE],
    );
    let python = vec![frame("/usr/bin/python3.12", "PyThread_start_new_thread")];
    has(&for_call(Kind::ThreadAfterFork, &call(python)), &[PYTHON]);
    for (phase, words) in [
        (Phase::Prepare, "before the copy"),
        (Phase::Parent, "in the parent"),
        (Phase::Child, "in the child"),
    ] {
        let slow = SlowHandler {
            library: None,
            phase,
            milliseconds: 1000,
            waits: None,
        };
        has(&[for_handler(&slow)], &[words]);
    }
}
