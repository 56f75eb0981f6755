use forkwatch_schema::record::{Frame, Lock, LockKind, Thread};

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
        waiters: Vec::new(),
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

const FACTS: Facts<'static> = Facts {
    stack: &[],
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
    let first = "call fork() before the first thread starts (\"worker\" is started by start_pool (pool.cpp:12));";
    assert!(lines[0].contains(first), "{lines:?}");
    assert!(
        lines[1].contains("the line thread:worker into a file and set FORKWATCH_SUPPRESS"),
        "{lines:?}"
    );
}

#[test]
fn a_library_that_forks_is_named() {
    let stack = [frame("/lib/libfoo.so.1", "foo"), frame("/app", "main")];
    let lines = advice(Facts { stack: &stack, ..FACTS });
    assert!(lines[0].contains("(libfoo.so.1 does this fork)"), "{lines:?}");
}

#[test]
fn threads_to_silence() {
    let argv = ["/usr/bin/a-program-with-a-long-name".to_owned()];
    let two = [thread("pool[1]"), thread("pool[2]")];
    let lines = advice(Facts { threads: &two, ..FACTS });
    assert!(lines[1].contains("thread:pool[[]1[]] into"), "{lines:?}");
    assert!(lines[1].ends_with("path, one such line for each thread."), "{lines:?}");
    let lines = advice(Facts {
        threads: &[thread("a-program-with-")],
        argv: Some(&argv),
        ..FACTS
    });
    assert!(lines[1].contains("thread:work into"), "{lines:?}");
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
    assert!(
        lines[1].contains("pthread_atfork(lock, unlock, unlock) for the lock in Cache::fill() once"),
        "{lines:?}"
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
    assert!(
        lines[1].starts_with("The makers of libfoo.so.1 and libbar.so can cure it there: pthread_atfork()"),
        "{lines:?}"
    );
    assert!(lines[2].contains("Cache::fill()"), "{lines:?}");
}

#[test]
fn locks_that_handlers_cannot_put_right() {
    let guard = lock(LockKind::StaticGuard, None, vec![frame("/app", "instance()")]);
    let lines = advice(Facts {
        locks: &[guard],
        ..FACTS
    });
    assert!(
        lines[1].contains("local static variable in instance() once before"),
        "{lines:?}"
    );
    let libc = lock(
        LockKind::Libc,
        Some("libc:tz"),
        vec![frame("/lib/libc.so.6", "localtime"), frame("/app", "log")],
    );
    let lines = advice(Facts {
        locks: &[libc],
        ..FACTS
    });
    assert!(lines[1].starts_with("libc held libc:tz at the fork"), "{lines:?}");
    assert!(lines[1].ends_with("under way in log."), "{lines:?}");
}

#[test]
fn python() {
    let python = Facts {
        is_python: true,
        ..FACTS
    };
    let lines = advice(Facts {
        threads: &[thread("Thread-1 (run)")],
        ..python
    });
    assert!(
        lines[0].contains("multiprocessing.set_start_method(\"spawn\") (or \"forkserver\")"),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("os.fork()") && lines[0].contains("subprocess"),
        "{lines:?}"
    );
    assert!(lines[1].contains("thread:Thread-1 (run) into"), "{lines:?}");

    let semaphore = vec![frame("/usr/lib/libpython3.12.so.1.0", "PyThread_acquire_lock_timed")];
    let named = lock(LockKind::Semaphore, Some("self.lock"), semaphore.clone());
    let lines = advice(Facts {
        locks: &[named],
        ..python
    });
    assert!(
        lines[1].contains("os.register_at_fork(before=self.lock.acquire"),
        "{lines:?}"
    );
    let nameless = lock(LockKind::Semaphore, None, semaphore);
    assert_eq!(
        advice(Facts {
            locks: &[nameless],
            ..python
        })
        .len(),
        1
    );
    let extension = lock(LockKind::Mutex, None, vec![frame("/x/libopenblas.so.0", "blas_lock")]);
    let lines = advice(Facts {
        locks: &[extension],
        ..python
    });
    assert!(lines[1].starts_with("The makers of libopenblas.so.0 can"), "{lines:?}");

    assert!(
        advice(Facts {
            function: "forkpty",
            ..python
        })[0]
            .contains("os.openpty()")
    );
    let argv = [
        "/usr/bin/python3".to_owned(),
        "/usr/bin/gunicorn".into(),
        "--preload".into(),
        "app".into(),
    ];
    assert!(
        advice(Facts {
            argv: Some(&argv),
            ..python
        })[1]
            .starts_with("Start gunicorn without --preload")
    );
}

#[test]
fn daemon_and_rust() {
    let lines = advice(Facts {
        function: "daemon",
        ..FACTS
    });
    assert!(
        lines[0].starts_with("Call daemon() before the first thread starts"),
        "{lines:?}"
    );
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
        locks: &[held],
        ..FACTS
    });
    assert!(
        lines[0].contains("std::process::Command, or call fork() before the first std::thread::spawn"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("take the lock in app::fill in the forking thread"),
        "{lines:?}"
    );
    // C code that forks in a Rust program.
    let stack = [frame("/lib/libfoo.so", "foo"), stack[0].clone(), stack[1].clone()];
    assert!(advice(Facts { stack: &stack, ..FACTS })[0].contains("posix_spawn()"));
}
