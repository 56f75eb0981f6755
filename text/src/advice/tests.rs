//! One case for each line that may be given.

use forkwatch_schema::record::{Frame, Lock, LockKind, PythonFrame, Thread};

use super::{Facts, for_fork};

fn frame(module: &str, symbol: &str) -> Frame {
    Frame {
        module: Some(module.into()),
        symbol: Some(symbol.into()),
        ..Frame::default()
    }
}

fn thread(name: &str) -> Thread {
    Thread {
        tid: 2,
        name: name.into(),
        start_routine: Some("work".into()),
        created_stack: None,
        stack: None,
        python_stack: None,
        waiting: None,
    }
}

fn lock(kind: LockKind, name: Option<&str>, acquired_stack: Vec<Frame>) -> Lock {
    Lock {
        address: "0x1".into(),
        kind,
        name: name.map(Into::into),
        owner_tid: Some(2),
        owner: Some("worker".into()),
        acquired_stack,
        ..Lock::default()
    }
}

fn advice(facts: Facts<'_>) -> Vec<String> {
    let lines = for_fork(&facts);
    assert!((1..=3).contains(&lines.len()), "{lines:?}");
    for line in &lines {
        assert!(
            line.ends_with('.') && !line.contains("  ") && line.len() < 400,
            "{line}"
        );
    }
    lines
}

fn locked(facts: Facts<'_>, locks: &[Lock]) -> Vec<String> {
    advice(Facts { locks, ..facts })
}

fn has(line: &str, words: &str) {
    assert!(line.contains(words), "{line}");
}

const FACTS: Facts<'static> = Facts {
    stack: &[],
    python: None,
    threads: &[],
    locks: &[],
    function: "fork",
    argv: None,
    is_python: false,
};

#[test]
fn nothing_known_still_gives_a_line() {
    let lines = advice(FACTS);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("posix_spawn()") && lines[0].contains("async-signal-safe"),
        "{lines:?}"
    );
}

#[test]
fn a_c_program_without_locks() {
    let stack = [frame("/app", "start_helper"), frame("/app", "main")];
    let mut worker = thread("worker");
    worker.created_stack = Some(vec![
        frame("/lib/libstdc++.so.6", "std::thread::_M_start_thread()"),
        Frame {
            file: Some("/src/pool.cpp".into()),
            line: Some(12),
            ..frame("/app", "start_pool")
        },
    ]);
    let lines = advice(Facts {
        stack: &stack,
        threads: &[worker],
        ..FACTS
    });
    assert_eq!(lines.len(), 2);
    let first = "or fork before the first thread starts (\"worker\" is started by start_pool (pool.cpp:12)).";
    has(&lines[0], first);
    has(&lines[1], "the line thread:worker to a file and set FORKWATCH_SUPPRESS");
}

#[test]
fn what_starts_a_thread_has_a_name() {
    let unnamed = Frame {
        symbol: None,
        offset: Some("0x1d390".into()),
        ..frame("/lib/libgomp.so.1", "")
    };
    let with_line = Frame {
        file: Some("/src/sum.c".into()),
        line: Some(4),
        ..frame("/app", "work")
    };
    let parallel = frame("/lib/libgomp.so.1", "GOMP_parallel");
    let stacks = [
        (vec![unnamed.clone(), parallel.clone(), with_line], "work (sum.c:4)"),
        (vec![unnamed.clone(), parallel], "GOMP_parallel"),
        (vec![unnamed], "libgomp.so.1"),
    ];
    for (stack, starter) in stacks {
        let mut worker = thread("worker");
        worker.created_stack = Some(stack);
        let lines = advice(Facts {
            threads: &[worker],
            ..FACTS
        });
        has(&lines[0], &format!("(\"worker\" is started by {starter})"));
    }
}

#[test]
fn a_library_that_forks_is_named() {
    let stack = [frame("/lib/libfoo.so.1", "foo"), frame("/app", "main")];
    let lines = advice(Facts { stack: &stack, ..FACTS });
    has(&lines[0], "(libfoo.so.1 does this fork)");
}

#[test]
fn threads_to_suppress() {
    let argv = ["/usr/bin/a-program-with-a-long-name".to_owned()];
    let two = [thread("pool[1]"), thread("pool[2]")];
    let lines = advice(Facts { threads: &two, ..FACTS });
    has(&lines[1], "thread:pool[[]1[]] to");
    has(&lines[1], "path, with one such line for each thread.");
    let lines = advice(Facts {
        threads: &[thread("a-program-with-")],
        argv: Some(&argv),
        ..FACTS
    });
    has(&lines[1], "thread:work to");
    // Every thread of a C++ program without names of its own: a rule for this one would be a rule for all.
    let mut unnamed = thread("a-program-with-");
    unnamed.start_routine = Some("execute_native_thread_routine".into());
    let lines = advice(Facts {
        threads: std::slice::from_ref(&unnamed),
        argv: Some(&argv),
        ..FACTS
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn own_locks_and_libraries_locks() {
    let own = lock(
        LockKind::Mutex,
        None,
        vec![
            frame("/app", "std::mutex::lock()"),
            frame("/app", "Cache::fill()"),
            frame("/app", "main"),
        ],
    );
    let foreign = |library: &str| lock(LockKind::Mutex, None, vec![frame(&format!("/lib/{library}"), "f")]);
    let lines = advice(Facts {
        threads: &[thread("worker")],
        locks: std::slice::from_ref(&own),
        ..FACTS
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    has(
        &lines[1],
        "pthread_atfork(lock, unlock, unlock) once for the lock in Cache::fill():",
    );

    let locks = [
        foreign("libfoo.so.1"),
        own,
        foreign("libfoo.so.1"),
        foreign("libbar.so"),
    ];
    let lines = advice(Facts {
        threads: &[thread("worker")],
        locks: &locks,
        ..FACTS
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    has(
        &lines[1],
        "The maintainers of libfoo.so.1 and libbar.so can fix this there: functions registered with pthread_atfork()",
    );
    has(&lines[2], "Cache::fill()");
}

#[test]
fn a_lock_with_a_name() {
    let named = |name: &str, stack| Lock {
        name: Some(name.into()),
        ..lock(LockKind::Mutex, None, stack)
    };
    let about = |lock: Lock| {
        let locks = [lock];
        advice(Facts { locks: &locks, ..FACTS }).pop().unwrap_or_default()
    };
    let taken = vec![frame("/app", "fill"), frame("/app", "main")];
    has(
        &about(named("door", taken)),
        "once for the lock \"door\", taken in fill: lock() takes it",
    );
    let nameless = Frame {
        symbol: None,
        ..frame("/app", "")
    };
    has(
        &about(named("a \"door\"", vec![nameless])),
        r#"once for the lock "a \"door\"": lock() takes it"#,
    );
}

#[test]
fn copies_that_run_no_handlers() {
    let locks = [
        lock(LockKind::Mutex, None, vec![frame("/lib/libfoo.so.1", "f")]),
        lock(LockKind::Mutex, None, vec![frame("/app", "fill")]),
    ];
    let lines = advice(Facts {
        locks: &locks,
        function: "_Fork",
        ..FACTS
    });
    has(&lines[1], "Call fork() instead of _Fork():");
    has(&lines[2], "once for the lock in fill:");
}

#[test]
fn locks_of_the_machinery_blame_nobody() {
    let locks = [lock(
        LockKind::Mutex,
        None,
        vec![frame("/lib/libstdc++.so.6", "f"), frame("/lib/libc.so.6", "g")],
    )];
    assert_eq!(locked(FACTS, &locks).len(), 1);
    assert_eq!(locked(FACTS, &[lock(LockKind::Mutex, None, vec![])]).len(), 1);
}

#[test]
fn locks_that_handlers_cannot_put_right() {
    let guard = lock(LockKind::StaticGuard, None, vec![frame("/app", "instance()")]);
    let lines = locked(FACTS, &[guard]);
    has(&lines[1], "local static variable in instance() once before");
    let libc = lock(
        LockKind::Libc,
        Some("libc:tz"),
        vec![frame("/lib/libc.so.6", "localtime"), frame("/app", "log")],
    );
    let lines = locked(FACTS, &[libc]);
    has(&lines[1], "Do not format times in the child before exec");
    has(&lines[1], "Nobody releases libc's time zone lock in a child.");
    let unknown = lock(LockKind::Libc, None, vec![frame("/app", "log")]);
    has(
        &locked(FACTS, &[unknown])[1],
        "held one of libc's own locks in log: do not call",
    );
}

#[test]
fn python() {
    let python = Facts {
        is_python: true,
        ..FACTS
    };
    let lines = advice(Facts {
        threads: &[thread("Thread-1 (beat)")],
        ..python
    });
    has(
        &lines[0],
        "multiprocessing.set_start_method(\"spawn\") (or \"forkserver\")",
    );
    assert!(
        lines[0].contains("os.fork()") && lines[0].contains("subprocess"),
        "{lines:?}"
    );
    has(&lines[1], "thread:Thread-* (beat) to");
    for name in [
        "Thread-1",
        "Dummy-3",
        "ThreadPoolExecutor-0_0",
        "Thread-2 (<lambda>)",
        "Thread-3 (run)",
    ] {
        let lines = advice(Facts {
            threads: &[thread(name)],
            ..python
        });
        assert_eq!(lines.len(), 1, "a rule for {name} would fit strangers: {lines:?}");
    }

    let semaphore = vec![frame("/usr/lib/libpython3.12.so.1.0", "PyThread_acquire_lock_timed")];
    let named = lock(LockKind::Semaphore, Some("self.lock"), semaphore.clone());
    let lines = locked(python, &[named]);
    has(
        &lines[1],
        "os.register_at_fork(after_in_child=self.lock._at_fork_reinit) once",
    );
    for (version, words) in [
        ("3.8", "a function that assigns a new lock to self.lock"),
        (
            "3.6m",
            "If the fork must stay, assign a new lock to self.lock in the child",
        ),
    ] {
        let stack = vec![frame(
            &format!("/opt/bin/python{version}"),
            "PyThread_acquire_lock_timed",
        )];
        let lines = locked(python, &[lock(LockKind::Semaphore, Some("self.lock"), stack)]);
        has(&lines[1], words);
    }
    let nameless = lock(LockKind::Semaphore, None, semaphore);
    assert_eq!(locked(python, &[nameless]).len(), 1);
    let extension = lock(LockKind::Mutex, None, vec![frame("/x/libopenblas.so.0", "blas_lock")]);
    let lines = locked(python, &[extension]);
    has(&lines[1], "The maintainers of libopenblas.so.0 can");

    has(
        &advice(Facts {
            function: "forkpty",
            ..python
        })[0],
        "os.openpty()",
    );
    let argv = ["python3", "/usr/bin/gunicorn", "--preload", "app"].map(str::to_owned);
    let lines = advice(Facts {
        argv: Some(&argv),
        ..python
    });
    has(&lines[1], "Start gunicorn without --preload");
}

#[test]
fn daemon_and_rust() {
    let lines = advice(Facts {
        function: "daemon",
        ..FACTS
    });
    has(&lines[0], "Call daemon() before the first thread starts");
    let stack = [
        frame("/app", "app::work"),
        frame("/app", "std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>"),
        frame("/lib/libc.so.6", "__libc_start_main"),
    ];
    let held = lock(
        LockKind::Futex,
        None,
        vec![
            frame("/app", "<std::sync::poison::mutex::Mutex<u8>>::lock"),
            frame("/app", "app::fill"),
        ],
    );
    let lines = advice(Facts {
        stack: &stack,
        locks: std::slice::from_ref(&held),
        ..FACTS
    });
    has(
        &lines[0],
        "std::process::Command, or fork before the first std::thread::spawn",
    );
    has(&lines[1], "take the lock in app::fill in the forking thread");
    let held = Lock {
        name: Some("DOOR".into()),
        ..held
    };
    let lines = advice(Facts {
        stack: &stack,
        locks: std::slice::from_ref(&held),
        ..FACTS
    });
    has(
        &lines[1],
        "take the lock \"DOOR\", taken in app::fill, in the forking thread",
    );
    // C code that forks in a Rust program.
    let stack = [frame("/lib/libfoo.so", "foo"), stack[0].clone(), stack[1].clone()];
    assert!(advice(Facts { stack: &stack, ..FACTS })[0].contains("posix_spawn()"));
}

#[test]
fn python_frames_say_which_call_to_change() {
    let frames = |files: &[(&str, &str)]| -> Vec<PythonFrame> {
        let frame = |&(file, function): &(&str, &str)| PythonFrame {
            // A file without a directory is the program's own.
            file: if file.contains('/') {
                format!("/usr/lib/python3.12/{file}")
            } else {
                format!("/srv/{file}")
            },
            line: 7,
            function: function.into(),
        };
        files.iter().map(frame).collect()
    };
    let advise = |files: &[(&str, &str)]| {
        let frames = frames(files);
        let facts = Facts {
            python: Some(&frames),
            is_python: true,
            ..FACTS
        };
        advice(facts).remove(0)
    };
    let launch = ("multiprocessing/popen_fork.py", "Popen._launch");
    let start = ("multiprocessing/process.py", "BaseProcess.start");
    let main = ("shop.py", "main");
    has(&advise(&[launch, start, main]), "Process that main (shop.py:7) starts");
    let pool = ("multiprocessing/pool.py", "Pool._repopulate_pool_static");
    let spawn = ("./os.py", "_spawnvef");
    has(&advise(&[spawn, main]), "In main (shop.py:7)");
    has(&advise(&[launch, start, pool, main]), "Pool in main (shop.py:7)");
    let executor = ("concurrent/futures/process.py", "ProcessPoolExecutor.submit");
    has(&advise(&[launch, start, executor, main]), "mp_context=");
    has(
        &advise(&[("site-packages/gunicorn/arbiter.py", "Arbiter.spawn_worker")]),
        "preload_app = False",
    );
    has(
        &advise(&[launch, ("site-packages/billiard/pool.py", "Pool")]),
        "--pool=threads",
    );
    has(&advise(&[("pty.py", "fork"), main]), "In main (shop.py:7)");
    has(&advise(&[main]), "In main (shop.py:7), start another program");
    has(
        &advise(&[("site-packages/watcher/os.py", "fork_and_watch")]),
        "the fork itself is a library's.",
    );
}

#[test]
fn python_locks_are_called_what_the_program_calls_them() {
    let python = Facts {
        is_python: true,
        ..FACTS
    };
    let semaphore = vec![frame("/usr/lib/libpython3.12.so.1.0", "PyThread_acquire_lock_timed")];
    let named = |name| lock(LockKind::Semaphore, Some(name), semaphore.clone());
    let lines = locked(python, &[named("Vault.door of bank.vault")]);
    has(
        &lines[1],
        "after_in_child=self.door._at_fork_reinit) once, where self.door is created in Vault:",
    );
    let lines = locked(python, &[named("bank.door")]);
    has(
        &lines[1],
        "after_in_child=door._at_fork_reinit) once, where door is created in bank:",
    );
    let lines = locked(python, &[named("door in keep_open (bank.py)")]);
    has(
        &lines[1],
        "after_in_child=door._at_fork_reinit) once, where door is created:",
    );
    for name in ["logging.root.handlers[0].lock", "StreamHandler.lock in logging"] {
        has(&locked(python, &[named(name)])[1], "Configure logging");
    }
}
