//! Rules against whole findings.

use crate::SCHEMA;
use crate::kind::{Kind, Severity};
use crate::record::{
    Call, Detail, Fork, ForkOutcome, Frame, LeakedLock, Lock, LockKind, OrphanedLock, Outcome, Phase, PythonFrame,
    Record, SlowHandler, StuckChild, Summary, Thread, UnsafeFork, WaitObject,
};

use super::{Suppressions, without_parameters};

fn frame(module: &str, symbol: &str) -> Frame {
    Frame {
        module: Some(module.into()),
        symbol: Some(symbol.into()),
        ..Frame::default()
    }
}

fn rules(text: &str) -> Suppressions {
    let (rules, problems) =
        Suppressions::load(std::iter::once(("f".into(), Ok::<_, String>(text.as_bytes().to_vec()))));
    assert!(problems.is_empty(), "{problems:?}");
    rules
}

fn record(kind: Kind, detail: Detail) -> Record {
    Record {
        time: String::new(),
        severity: Severity::Warn,
        schema: SCHEMA.into(),
        kind,
        fingerprint: String::new(),
        message: "words of a message".into(),
        host: String::new(),
        pid: 1,
        ppid: 1,
        tid: 1,
        thread: "forker".into(),
        exe: String::new(),
        argv: None,
        service: String::new(),
        context: None,
        fork_id: None,
        detail,
        truncated: Vec::new(),
    }
}

fn lock() -> Lock {
    Lock {
        address: "0x1".into(),
        kind: LockKind::Mutex,
        name: Some("self.cache_lock".into()),
        owner_tid: Some(2),
        owner: Some("pool-1".into()),
        acquired_stack: vec![
            frame("/usr/lib/libstdc++.so.6", "std::mutex::lock()"),
            frame("/bin/app", "fill"),
        ],
        ..Lock::default()
    }
}

fn unsafe_fork() -> Record {
    let python = PythonFrame {
        file: "a.py".into(),
        line: 3,
        function: "Pool._repopulate".into(),
    };
    let thread = Thread {
        tid: 2,
        name: "pool-1".into(),
        start_routine: Some("worker_main(void*)".into()),
        created_stack: Some(vec![frame("/usr/lib/libpool.so.2", "Pool::start(int) const")]),
        stack: Some(vec![frame("/usr/lib/libc.so.6", "nanosleep")]),
        python_stack: Some(vec![PythonFrame {
            function: "Worker.run".into(),
            ..python.clone()
        }]),
        waiting: None,
    };
    let fork = Fork {
        function: "fork".into(),
        child_pid: None,
        exec_bound: false,
        stack: vec![frame("/opt/lib/libfoo.so.1", "foo_start")],
        python_stack: Some(vec![python]),
    };
    let (threads, locks, advice) = (vec![thread], vec![lock()], Vec::new());
    record(
        Kind::UnsafeFork,
        Detail::UnsafeFork(UnsafeFork {
            fork,
            threads,
            locks,
            advice,
            settled: None,
        }),
    )
}

#[test]
fn problems_name_file_and_line() {
    let files = [
        (
            "/etc/a".to_owned(),
            Ok(b"\xef\xbb\xbf# ours\nunsafe_frok:x\nthread:pool*\n".to_vec()),
        ),
        ("/etc/b".to_owned(), Err("it is a FIFO")),
        ("/etc/c".to_owned(), Ok(b"lock:\xff*\r\n".to_vec())),
    ];
    let (rules, problems) = Suppressions::load(files.into_iter());
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].starts_with("/etc/a:2: unknown kind 'unsafe_frok'"),
        "{}",
        problems[0]
    );
    assert!(problems[0].ends_with("; the line is skipped"), "{}", problems[0]);
    assert_eq!(problems[1], "cannot read /etc/b: it is a FIFO; its rules are not used");
    assert!(!rules.is_empty() && rules.has_thread_rules());
    assert!(!rules.suppresses(&unsafe_fork()));
    let (none, problems) = Suppressions::load(std::iter::empty::<(String, Result<Vec<u8>, String>)>());
    assert!(none.is_empty() && !none.has_thread_rules() && problems.is_empty());
}

#[test]
fn a_fingerprint_suppresses_one_finding() {
    let record = Record {
        fingerprint: "0123456789abcdef".into(),
        ..unsafe_fork()
    };
    assert!(rules("fingerprint:0123456789abcdef\n").suppresses(&record));
    assert!(!rules("fingerprint:0123456789abcdee\n").suppresses(&record));
}

#[test]
fn harmless_threads_and_locks() {
    let pool = rules("thread:pool-*\nthread:libgomp.so*\nthread:ns::worker\n");
    assert!(pool.thread_is_harmless("pool-3", None, None));
    assert!(pool.thread_is_harmless("x", Some("gomp_thread_start"), Some("libgomp.so.1")));
    assert!(pool.thread_is_harmless("x", Some("ns::worker(void*)"), None));
    assert!(!pool.thread_is_harmless("spool-3", Some("other"), Some("libfoo.so")));
    assert!(!pool.lock_is_harmless(Some("pool-3"), None, &[frame("/lib/libgomp.so.1", "ns::worker")]));
    let locks = rules("lock:*cache*\nlock:std::mutex::lock\nlock:libbar.so*\n");
    assert!(locks.lock_is_harmless(Some("self.cache"), None, &[]));
    assert!(locks.lock_is_harmless(None, None, &lock().acquired_stack));
    assert!(locks.lock_is_harmless(None, None, &[frame("/a/libbar.so.1", "b")]));
    assert!(!locks.lock_is_harmless(None, None, &[frame("/libbar.so.1/app", "b")]));
    let by_id = rules("lock:0123456789abcdef\n");
    assert!(by_id.lock_is_harmless(None, Some("0123456789abcdef"), &[]));
    assert!(!by_id.lock_is_harmless(Some("cache"), Some("fedcba9876543210"), &[]));
    assert!(!locks.has_thread_rules());
    let time_zone = rules("lock:libc:tz\n");
    assert!(
        time_zone.lock_is_harmless(Some("libc:tz"), None, &[])
            && !time_zone.lock_is_harmless(Some("libc:env"), None, &[])
    );
}

#[test]
fn every_name_in_a_finding_can_suppress_it() {
    let finding = unsafe_fork();
    for word in [
        "libfoo.so.1",
        "foo_start",
        "*.so.1",
        "Pool._repopulate",
        "Worker.run",
        "pool-?",
        "forker",
        "worker_main",
        "worker_main(void[*])",
        "Pool::start",
        "libpool.so*",
        "nanosleep",
        "self.*_lock",
        "std::mutex::lock",
        "libstdc++*",
        "fill",
    ] {
        assert!(rules(&format!("unsafe_fork:{word}")).suppresses(&finding), "{word}");
        assert!(rules(&format!("*:{word}")).suppresses(&finding), "{word}");
        assert!(
            !rules(&format!("leaked_lock:{word}\nthread:{word}\nlock:{word}")).suppresses(&finding),
            "{word}"
        );
    }
    for word in ["/opt/lib/libfoo.so.1", "foo", "words*", "a.py"] {
        assert!(!rules(&format!("*:{word}")).suppresses(&finding), "{word}");
    }
}

/// Where a child is: native and Python frames.
fn in_child() -> (Vec<Frame>, Option<Vec<PythonFrame>>) {
    let python = PythonFrame {
        file: "a.py".into(),
        line: 3,
        function: "Handler.emit".into(),
    };
    (
        vec![frame("/opt/lib/liblog.so.1", "log_line(char*)")],
        Some(vec![python]),
    )
}

/// Each of the words, as a rule of this kind and as one of any kind, suppresses the finding; none of the others does.
#[track_caller]
fn suppressed(finding: &Record, by: &[&str], not_by: &[&str]) {
    let kind = finding.kind.name();
    for word in by {
        assert!(rules(&format!("{kind}:{word}")).suppresses(finding), "{kind}:{word}");
        assert!(rules(&format!("*:{word}")).suppresses(finding), "*:{word}");
        let others = format!("unsafe_fork:{word}\nthread:{word}\nlock:{word}");
        assert!(!rules(&others).suppresses(finding), "{others}");
    }
    for word in not_by {
        assert!(!rules(&format!("*:{word}")).suppresses(finding), "*:{word}");
    }
}

#[test]
fn orphaned_locks() {
    let (stack, python_stack) = in_child();
    let mut lock = lock();
    (lock.kind, lock.name) = (LockKind::Libc, Some("libc:tz".into()));
    let detail = OrphanedLock {
        call: "localtime_r".into(),
        lock,
        stack,
        python_stack,
        blocking: true,
    };
    suppressed(
        &record(Kind::OrphanedLock, Detail::OrphanedLock(detail)),
        &[
            "libc:tz",
            "libc:*",
            "localtime_r",
            "log_line",
            "liblog.so*",
            "Handler.emit",
            "pool-1",
            "fill",
            "libstdc++*",
            "forker",
        ],
        &["libc:env", "localtime", "log", "/opt/lib/liblog.so.1", "0x1"],
    );
}

#[test]
fn stuck_children() {
    let (stack, python_stack) = in_child();
    let detail = StuckChild {
        call: "syscall(SYS_futex)".into(),
        address: Some("0x1".into()),
        object: WaitObject::Futex,
        name: Some("bank::door".into()),
        parent_tids: vec![2],
        lost_threads: Vec::new(),
        timed_waits: None,
        stack,
        python_stack,
    };
    suppressed(
        &record(Kind::StuckChild, Detail::StuckChild(detail)),
        &[
            "syscall",
            "syscall(SYS_futex)",
            "log_line",
            "liblog.so.1",
            "Handler.*",
            "forker",
        ],
        &["futex", "0x1", "2"],
    );
}

#[test]
fn calls_and_slow_handlers() {
    let call = |kind| {
        let (stack, python_stack) = in_child();
        let (call, library) = ("pthread_create".into(), Some("/usr/lib/libgomp.so.1".into()));
        record(
            kind,
            Detail::Call(Call {
                call,
                library,
                stack,
                python_stack,
            }),
        )
    };
    for kind in [Kind::ThreadAfterFork, Kind::UnsafeCall, Kind::GuardedCall] {
        let by = [
            "pthread_create",
            "libgomp.so*",
            "log_line",
            "Handler.emit",
            "liblog*",
            "forker",
        ];
        suppressed(&call(kind), &by, &["pthread", "/usr/lib/libgomp.so.1"]);
    }
    let slow = |library: Option<&str>| {
        let (library, phase) = (library.map(Into::into), Phase::Prepare);
        let milliseconds = 1500;
        record(
            Kind::SlowHandler,
            Detail::SlowHandler(SlowHandler {
                library,
                phase,
                milliseconds,
                waits: None,
            }),
        )
    };
    suppressed(
        &slow(Some("/usr/lib/libgrpc.so.1")),
        &["libgrpc*"],
        &["prepare", "libgrpc"],
    );
    suppressed(&slow(None), &["forker"], &["unknown"]);
}

#[test]
fn only_a_rule_for_its_kind_suppresses_an_outcome() {
    let (outcome, program) = (Outcome::Exec, Some("/bin/true".into()));
    let detail = ForkOutcome {
        child_pid: 2,
        outcome,
        program,
    };
    let finding = record(Kind::ForkOutcome, Detail::ForkOutcome(detail));
    assert!(!rules("*:*").suppresses(&finding));
    assert!(rules("fork_outcome:*").suppresses(&finding));
}

#[test]
fn leaked_locks_and_summaries() {
    let leaked = record(Kind::LeakedLock, Detail::LeakedLock(LeakedLock { lock: lock() }));
    assert!(rules("leaked_lock:fill").suppresses(&leaked));
    assert!(!rules("unsafe_fork:fill").suppresses(&leaked));
    let summary = record(Kind::Summary, Detail::Summary(Summary::default()));
    assert!(!rules("*:*").suppresses(&summary));
    assert!(rules("summary:*").suppresses(&summary));
}

#[test]
fn parameters_are_taken_off() {
    assert_eq!(without_parameters("std::mutex::lock()"), Some("std::mutex::lock"));
    assert_eq!(without_parameters("f(void (*)(int)) const &"), Some("f"));
    assert_eq!(without_parameters("A::operator()(int) const"), Some("A::operator()"));
    assert_eq!(
        without_parameters("(anonymous namespace)::f(int)"),
        Some("(anonymous namespace)::f")
    );
    assert_eq!(without_parameters("(anonymous namespace)::f"), None);
    assert_eq!(without_parameters("<fn() as Job>::run"), None);
    assert_eq!(without_parameters("main"), None);
    assert_eq!(without_parameters("()"), None);
    assert_eq!(without_parameters("odd)"), None);
}

#[test]
fn one_rule_of_any_scope_is_one() {
    for rule in ["*:x", "unsafe_fork:x", "thread:x", "lock:x"] {
        assert!(!rules(rule).is_empty(), "{rule}");
    }
    assert!(rules("# none").is_empty());
}
