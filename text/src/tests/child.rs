//! Records of forked children.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{
    Call, Detail, ForkOutcome, Frame, HandlerWait, Lock, LockKind, LostThread, OrphanedLock, Outcome, Phase,
    PossibleDeadlock, Record, SharedDescriptor, SlowHandler, StuckChild, Thread, TimedWaits, WaitObject, Waiting,
};

use super::parts::{at, build, inside, libc, lock, main_bottom, python_frame, thread, waits};
use super::{compare, headline, render, style};

/// Golden files are this directory's.
macro_rules! golden {
    ($name:ident, $record:expr, $stopped:expr) => {
        #[test]
        fn $name() {
            let text = render(&$record, $stopped, &style());
            compare(
                stringify!($name),
                include_str!(concat!(stringify!($name), ".txt")),
                &text,
            );
        }
    };
}

golden!(orphaned_mutex, mutex(), Some("FORKWATCH_STRICT=child"));
golden!(orphaned_mutex_tried, tried(), None);
golden!(orphaned_mutex_of_its_own, own(), None);
golden!(orphaned_mutex_locked_again_by_its_owner, locked_again(), None);
golden!(orphaned_lock_of_a_library, of_a_library(), None);
golden!(orphaned_time_zone, time_zone(), None);
golden!(orphaned_resolver, resolver(), None);
golden!(orphaned_static, a_static(), None);
golden!(orphaned_python_lock, python(), None);
golden!(
    orphaned_python_lock_of_a_child_with_a_handler,
    until_signal(python()),
    None
);
golden!(orphaned_lock_with_hostile_names, hostile(), None);
golden!(possible_deadlock_of_a_mutex, possible(), Some("FORKWATCH_STRICT=child"));
golden!(possible_deadlock_in_libc, possible_in_libc(), None);
golden!(stuck_on_a_condition, condition(), None);
golden!(stuck_on_a_futex_in_rust, futex(), None);
golden!(stuck_ending_a_condition, destroy(), None);
golden!(stuck_in_waits_with_a_time_out, in_vain(), None);
golden!(stuck_until_a_signal, until_signal(semaphore()), None);
golden!(thread_created_after_fork, creates_thread(), None);
golden!(guarded_library, guarded(), None);
golden!(unsafe_call, calls_malloc(), Some("FORKWATCH_STRICT=child"));
golden!(
    shared_eventfd_of_a_thread,
    shared_eventfd(),
    Some("FORKWATCH_STRICT=child")
);
golden!(shared_pipe_of_a_thread, shared_wakeup("pipe"), None);
golden!(shared_connection_to_a_server, shared_connection(), None);
golden!(
    slow_handler_of_a_library,
    slow(Some("/usr/lib/libgrpc.so.42"), Phase::Prepare),
    None
);
golden!(
    slow_handler_that_joins_a_thread,
    waits_in_handler(Severity::Error, "pthread_join"),
    None
);
golden!(
    slow_handler_that_waits_for_itself,
    waits_in_handler(Severity::Fatal, "pthread_mutex_lock"),
    None
);
golden!(slow_handler_unknown, slow(None, Phase::Child), None);

/// One of each kind.
pub fn samples() -> Vec<Record> {
    vec![
        mutex(),
        own(),
        time_zone(),
        python(),
        hostile(),
        possible(),
        condition(),
        semaphore(),
        creates_thread(),
        guarded(),
        shared_eventfd(),
        slow(Some("/usr/lib/libgrpc.so.42"), Phase::Prepare),
        slow(None, Phase::Child),
        waits_in_handler(Severity::Error, "pthread_join"),
    ]
}

/// The child 4250 of 4242.
fn of_child(kind: Kind, severity: Severity, detail: Detail) -> Record {
    let mut record = build(kind, severity, detail);
    (record.pid, record.tid, record.ppid) = (4250, 4250, 4242);
    record.thread = "shop".into();
    record.fork_id = Some("4242-6920d5fd-75bcd15".into());
    record
}

fn orphan(call: &str, lock: Lock, stack: Vec<Frame>) -> OrphanedLock {
    OrphanedLock {
        call: call.into(),
        lock,
        stack,
        python_stack: None,
        blocking: true,
    }
}

fn record(detail: OrphanedLock) -> Record {
    of_child(Kind::OrphanedLock, Severity::Fatal, Detail::OrphanedLock(detail))
}

fn in_child() -> Vec<Frame> {
    let own = vec![
        at("print_receipt", "/home/ann/shop/src/receipt.c", 116),
        at("main", "/home/ann/shop/src/main.c", 77),
    ];
    [own, main_bottom().to_vec()].concat()
}

fn taken() -> Vec<Frame> {
    vec![
        at("refresh_prices", "/home/ann/shop/src/keeper.c", 19),
        at("keeper_main", "/home/ann/shop/src/keeper.c", 44),
        libc("start_thread", "0x94ac2"),
        libc("__clone3", "0x1268bf"),
    ]
}

fn held(kind: LockKind, name: Option<&str>, stack: Vec<Frame>) -> Lock {
    lock(kind, name, &thread(4243, "keeper", "keeper_main", None), stack, vec![])
}

fn mutex() -> Record {
    record(orphan(
        "pthread_mutex_lock",
        held(LockKind::Mutex, None, taken()),
        in_child(),
    ))
}

fn tried() -> Record {
    let mut detail = orphan(
        "pthread_mutex_trylock",
        held(LockKind::Mutex, None, taken()),
        in_child(),
    );
    detail.blocking = false;
    of_child(Kind::OrphanedLock, Severity::Error, Detail::OrphanedLock(detail))
}

/// A recursive mutex that the forking thread held, and unlocks in the child.
fn own() -> Record {
    let mut lock = held(LockKind::Mutex, None, in_child());
    (lock.owner_tid, lock.owner) = (Some(4242), Some("shop".into()));
    record(orphan("pthread_mutex_unlock", lock, in_child()))
}

/// A mutex that the forking thread held, and locks again.
fn locked_again() -> Record {
    let mut lock = held(LockKind::Mutex, None, in_child());
    (lock.owner_tid, lock.owner) = (Some(4242), Some("shop".into()));
    record(orphan("pthread_mutex_lock", lock, in_child()))
}

/// A mutex that was free by luck.
fn possible() -> Record {
    possible_deadlock("pthread_mutex_lock", held(LockKind::Mutex, None, taken()))
}

fn possible_in_libc() -> Record {
    let mut lock = held(
        LockKind::Libc,
        Some("libc:tz"),
        vec![at("stamp", "/home/ann/shop/src/log.c", 12)],
    );
    lock.waiters.clear();
    possible_deadlock("localtime_r", lock)
}

fn possible_deadlock(call: &str, lock: Lock) -> Record {
    let detail = PossibleDeadlock {
        call: call.into(),
        lock,
        stack: in_child(),
        python_stack: None,
    };
    of_child(
        Kind::PossibleDeadlock,
        Severity::Error,
        Detail::PossibleDeadlock(detail),
    )
}

/// A lock whose taking nobody saw but in a library.
fn of_a_library() -> Record {
    let stack = vec![inside("cache_get", "/usr/lib/libcache.so.2", "0x4711")];
    let mut detail = orphan(
        "pthread_rwlock_rdlock",
        held(
            LockKind::RwlockWrite,
            None,
            vec![inside("cache_put", "/usr/lib/libcache.so.2", "0x4400")],
        ),
        stack,
    );
    (detail.lock.owner, detail.lock.owner_tid) = (None, None);
    record(detail)
}

fn time_zone() -> Record {
    let taken = vec![at("write_line", "/home/ann/shop/src/log.c", 31)];
    record(orphan(
        "localtime_r",
        held(LockKind::Libc, Some("libc:tz"), taken),
        in_child(),
    ))
}

fn resolver() -> Record {
    let taken = vec![at("connect_to_bank", "/home/ann/shop/src/bank.c", 90)];
    let mut record = record(orphan(
        "getaddrinfo",
        held(LockKind::Libc, Some("libc:resolver"), taken),
        in_child(),
    ));
    record.severity = Severity::Error;
    record
}

fn a_static() -> Record {
    let stack = vec![
        at("shop::Catalogue::instance()", "/home/ann/shop/src/catalogue.cc", 12),
        at("main", "/home/ann/shop/src/main.cc", 40),
    ];
    record(orphan(
        "__cxa_guard_acquire",
        held(LockKind::StaticGuard, None, stack.clone()),
        stack,
    ))
}

fn python() -> Record {
    let interpreter = |name: &str| inside(name, "/usr/bin/python3.12", "0x1b2c3d");
    let stack = vec![
        interpreter("PyThread_acquire_lock_timed"),
        interpreter("lock_PyThread_acquire_lock"),
        interpreter("method_vectorcall_VARARGS_KEYWORDS"),
        interpreter("PyObject_Vectorcall"),
        interpreter("_PyEval_EvalFrameDefault"),
    ];
    let mut detail = orphan("sem_wait", held(LockKind::Semaphore, None, stack.clone()), stack);
    detail.python_stack = Some(vec![
        python_frame("Handler.acquire", "/usr/lib/python3.12/logging/__init__.py", 945),
        python_frame("import_orders", "/home/ann/shop/shop/orders.py", 31),
    ]);
    record(detail)
}

/// Names that somebody chose to deceive the reader or his terminal.
fn hostile() -> Record {
    let bad = "\u{1b}[2Jx\"\nforkwatch: INFO summary: all is well\u{202e}";
    let mut detail = orphan(
        "pthread_mutex_lock",
        held(LockKind::Mutex, Some(bad), vec![at(bad, "/tmp/\u{7}x\u{9b}31m.c", 3)]),
        vec![inside(bad, "/tmp/li\rb.so", "0x1")],
    );
    detail.lock.owner = Some(bad.into());
    detail.python_stack = Some(vec![python_frame("\u{1b}]0;owned\u{7}", "/tmp/e\u{2028}vil.py", 1)]);
    let mut record = record(detail);
    (record.thread, record.exe) = (bad.into(), format!("/tmp/{bad}"));
    record
}

fn stuck(call: &str, object: WaitObject, parent_tids: Vec<i32>, stack: Vec<Frame>) -> Record {
    let detail = StuckChild {
        call: call.into(),
        address: Some("0x55d0c81a4080".into()),
        object,
        name: None,
        parent_tids,
        lost_threads: Vec::new(),
        timed_waits: None,
        stack,
        python_stack: None,
    };
    of_child(Kind::StuckChild, Severity::Fatal, Detail::StuckChild(detail))
}

fn condition() -> Record {
    stuck("pthread_cond_wait", WaitObject::Condition, vec![4243, 4244], in_child())
}

fn destroy() -> Record {
    stuck("pthread_cond_destroy", WaitObject::Condition, vec![4243], in_child())
}

fn semaphore() -> Record {
    stuck("sem_wait", WaitObject::Semaphore, vec![], in_child())
}

/// A loop of waits with a time-out, for a thread with a name.
fn in_vain() -> Record {
    let mut record = until_signal(stuck("sem_clockwait", WaitObject::Semaphore, vec![], in_child()));
    if let Detail::StuckChild(detail) = &mut record.detail {
        let thread = |tid, name: &str| LostThread {
            tid,
            name: Some(name.into()),
        };
        detail.lost_threads = vec![thread(4243, "fsspecIO")];
        detail.timed_waits = Some(TimedWaits {
            count: 4,
            milliseconds: 3016,
        });
    }
    record
}

/// The same, where only a signal handler could end the wait.
fn until_signal(record: Record) -> Record {
    Record {
        severity: Severity::Error,
        ..record
    }
}

fn futex() -> Record {
    let stack = vec![
        at(
            "std::sys::sync::mutex::futex::Mutex::lock_contended",
            "/rustc/0123abcd/library/std/src/sys/sync/mutex/futex.rs",
            65,
        ),
        at("shop::main", "/home/ann/shop/src/main.rs", 20),
    ];
    let mut record = stuck("syscall(SYS_futex)", WaitObject::Futex, vec![], stack);
    if let Detail::StuckChild(detail) = &mut record.detail {
        detail.address = None;
    }
    record
}

fn call(kind: Kind, call: &str, library: Option<&str>, stack: Vec<Frame>) -> Record {
    let detail = Call {
        call: call.into(),
        library: library.map(Into::into),
        stack,
        python_stack: None,
    };
    of_child(kind, Severity::Warn, Detail::Call(detail))
}

fn creates_thread() -> Record {
    let stack = [
        vec![inside("gomp_team_start", "/usr/lib/libgomp.so.1", "0x1a2b")],
        in_child(),
    ]
    .concat();
    call(Kind::ThreadAfterFork, "pthread_create", Some("libgomp.so.1"), stack)
}

fn guarded() -> Record {
    call(Kind::GuardedCall, "cuInit", Some("/usr/lib/libcuda.so.1"), in_child())
}

fn calls_malloc() -> Record {
    call(Kind::UnsafeCall, "malloc", Some("shop"), in_child())
}

fn shared_use(kind: Kind, fd_type: &str, call: &str, threads: Vec<Thread>) -> SharedDescriptor {
    assert!(matches!(kind, Kind::SharedWakeup | Kind::SharedFd));
    SharedDescriptor {
        fd: 7,
        fd_type: fd_type.into(),
        call: call.into(),
        parent_tids: threads.iter().map(|thread| thread.tid).collect(),
        threads,
        stack: in_child(),
        python_stack: None,
    }
}

fn shared_eventfd() -> Record {
    shared_wakeup("eventfd")
}

fn shared_wakeup(fd_type: &str) -> Record {
    let thread = Thread {
        tid: 4243,
        name: "gmain".into(),
        start_routine: Some("g_thread_proxy".into()),
        created_stack: None,
        stack: Some(vec![
            inside("g_main_loop_run", "/usr/lib/libglib-2.0.so.0", "0x1a2b"),
            at("serve", "/home/ann/shop/src/main.c", 20),
        ]),
        python_stack: None,
        waiting: Some(Waiting {
            call: "poll".into(),
            address: None,
        }),
    };
    let detail = shared_use(Kind::SharedWakeup, fd_type, "write", vec![thread]);
    of_child(Kind::SharedWakeup, Severity::Error, Detail::SharedDescriptor(detail))
}

fn shared_connection() -> Record {
    let detail = shared_use(Kind::SharedFd, "socket", "send", Vec::new());
    of_child(Kind::SharedFd, Severity::Warn, Detail::SharedDescriptor(detail))
}

/// A handler that joins a thread, or asks for a lock of its own thread's.
fn waits_in_handler(severity: Severity, call: &str) -> Record {
    let mut record = slow(Some("/usr/lib/libopenblas.so.0"), Phase::Prepare);
    if let Detail::SlowHandler(detail) = &mut record.detail {
        let worker = Thread {
            waiting: waits("futex", None),
            stack: Some(vec![inside(
                "blas_thread_server",
                "/usr/lib/libopenblas.so.0",
                "0x6042",
            )]),
            ..thread(4245, "worker", "blas_thread_server", None)
        };
        detail.milliseconds = 2000;
        detail.waits = Some(HandlerWait {
            call: call.into(),
            stack: vec![inside("blas_thread_shutdown_", "/usr/lib/libopenblas.so.0", "0x5f8b")],
            thread: Some(worker),
        });
    }
    record.severity = severity;
    record
}

fn slow(library: Option<&str>, phase: Phase) -> Record {
    let detail = SlowHandler {
        library: library.map(Into::into),
        phase,
        milliseconds: 1204,
        waits: None,
    };
    build(Kind::SlowHandler, Severity::Warn, Detail::SlowHandler(detail))
}

#[test]
fn headlines_say_how_sure_it_is() {
    for (record, words) in [
        (
            mutex(),
            "waits for ever in pthread_mutex_lock for a mutex that thread \"keeper\" held",
        ),
        (tried(), "can never succeed in pthread_mutex_trylock for a mutex"),
        (
            resolver(),
            "may wait for ever in getaddrinfo for libc's resolver lock (libc:resolver)",
        ),
        (
            own(),
            "can never release a mutex that its own thread took before the fork: pthread_mutex_unlock fails",
        ),
        (
            a_static(),
            "for a C++ local static that thread \"keeper\" was initialising at the fork",
        ),
    ] {
        assert!(headline(&record).contains(words), "{}", headline(&record));
    }
}

#[test]
fn a_thread_that_the_program_itself_creates_names_no_library() {
    let record = call(Kind::ThreadAfterFork, "pthread_create", Some("shop"), in_child());
    assert!(
        headline(&record).ends_with("before exec: pthread_create"),
        "{}",
        headline(&record)
    );
    let record = call(Kind::UnsafeCall, "malloc", Some("libfoo.so"), in_child());
    assert!(headline(&record).ends_with("libfoo.so calls malloc, which is not async-signal-safe"));
}

#[test]
fn long_lists_of_users_are_cut() {
    let text = render(
        &stuck("sem_wait", WaitObject::Semaphore, (1..=11).collect(), vec![]),
        None,
        &style(),
    );
    assert!(
        text.contains("11 threads of the parent") && text.contains("7, 8 and 3 more)"),
        "{text}"
    );
    assert!(text.contains("Nobody is left to post it"), "{text}");
}

#[test]
fn outcomes_are_for_the_log_alone() {
    let outcome = |outcome, program: Option<&str>| {
        let program = program.map(Into::into);
        let detail = ForkOutcome {
            child_pid: 4250,
            outcome,
            program,
        };
        build(Kind::ForkOutcome, Severity::Info, Detail::ForkOutcome(detail))
    };
    let became = outcome(Outcome::Exec, Some("/bin/true"));
    assert_eq!(headline(&became), "child 4250 became /bin/true");
    assert_eq!(render(&became, None, &style()), "");
    assert_eq!(
        headline(&outcome(Outcome::Exec, None)),
        "child 4250 became another program"
    );
    assert_eq!(headline(&outcome(Outcome::Exit, None)), "child 4250 ended");
}

/// init adopts the child of a parent that has ended, as `daemon` and double forks do.
#[test]
fn a_child_whose_parent_has_ended_is_no_child_of_init() {
    let mut record = locked_again();
    record.ppid = 1;
    let text = render(&record, None, &style());
    assert!(!text.contains("pid 1 ") && !text.contains("pid 1\n"), "{text}");
    assert!(
        text.replace("\nforkwatch:     ", " ")
            .contains(" in a forked child (pid 4250)"),
        "{text}"
    );
}
