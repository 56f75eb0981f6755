//! Records of a Python program, of a crowd of threads and of a deceiver.

use forkwatch_schema::record::{Detail, LockKind, Record, Thread};

use super::parts::{at, inside, libc, lock, main_bottom, python_frame, thread, unsafe_fork, waits};

/// A `multiprocessing` pool in a program whose logging thread holds a Python lock.
pub fn python() -> Record {
    const LIBRARY: &str = "/usr/lib/python3.12";
    let python = "/usr/bin/python3.12";
    let interpreter = |names: &[&str]| {
        names
            .iter()
            .map(|name| inside(name, python, "0x1b2c3d"))
            .collect::<Vec<_>>()
    };
    let created = [
        interpreter(&[
            "do_start_joinable_thread",
            "thread_PyThread_start_joinable_thread",
            "cfunction_call",
            "_PyObject_MakeTpCall",
            "_PyEval_EvalFrameDefault",
            "PyEval_EvalCode",
            "run_mod",
            "Py_RunMain",
            "Py_BytesMain",
        ]),
        main_bottom().to_vec(),
    ]
    .concat();
    let mut flusher = thread(4243, "log-flusher", "thread_run", Some(created));
    flusher.waiting = waits("clock_nanosleep", None);
    flusher.python_stack = Some(vec![
        python_frame("Flusher.flush", "/home/ann/shop/shop/logs.py", 61),
        python_frame("Flusher.run", "/home/ann/shop/shop/logs.py", 40),
        python_frame("Thread._bootstrap_inner", &format!("{LIBRARY}/threading.py"), 1073),
    ]);
    let taken = interpreter(&[
        "PyThread_acquire_lock_timed",
        "lock_PyThread_acquire_lock",
        "method_vectorcall_VARARGS_KEYWORDS",
        "PyObject_Vectorcall",
        "_PyEval_EvalFrameDefault",
        "_PyObject_VectorcallTstate",
        "method_vectorcall",
        "thread_run",
    ]);
    let mut held = lock(LockKind::Semaphore, Some("self.lock"), &flusher, taken, vec![]);
    held.acquired_python_stack = Some(vec![
        python_frame("Flusher.flush", "/home/ann/shop/shop/logs.py", 58),
        python_frame("Flusher.run", "/home/ann/shop/shop/logs.py", 40),
    ]);
    let stack = [
        interpreter(&[
            "os_fork_impl",
            "os_fork",
            "cfunction_vectorcall_NOARGS",
            "PyObject_Vectorcall",
            "_PyEval_EvalFrameDefault",
            "_PyFunction_Vectorcall",
            "_PyObject_FastCallDictTstate",
            "slot_tp_init",
            "type_call",
            "PyEval_EvalCode",
            "Py_RunMain",
            "Py_BytesMain",
        ]),
        main_bottom().to_vec(),
    ]
    .concat();
    let advice = "Choose the start method before the first pool: multiprocessing.set_start_method(\"forkserver\"), or \
                  multiprocessing.get_context(\"forkserver\").Pool(...) in shop/orders.py:27.";
    let mut record = unsafe_fork(stack, vec![flusher], vec![held], &[advice]);
    record.thread = "MainThread".into();
    record.exe = python.into();
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.python_stack = Some(vec![
            python_frame("Popen._launch", &format!("{LIBRARY}/multiprocessing/popen_fork.py"), 66),
            python_frame(
                "Popen.__init__",
                &format!("{LIBRARY}/multiprocessing/popen_fork.py"),
                19,
            ),
            python_frame("Process.start", &format!("{LIBRARY}/multiprocessing/process.py"), 121),
            python_frame("import_orders", "/home/ann/shop/shop/orders.py", 27),
            python_frame("<module>", "/home/ann/shop/main.py", 8),
        ]);
    }
    record
}

/// A pool of many threads and no lock.
pub fn many_threads() -> Record {
    let created = vec![
        at("pool_start", "/opt/pool/pool.c", 90),
        at("main", "/home/ann/shop/src/main.c", 12),
    ];
    let mut threads: Vec<Thread> = (0..390)
        .map(|number| {
            let mut thread = thread(
                5000 + number,
                &format!("pool-{number}"),
                "pool_main",
                Some(created.clone()),
            );
            thread.waiting = waits("pthread_cond_wait", Some(&format!("0x7f{number:04x}")));
            thread
        })
        .collect();
    for number in 0..9 {
        let mut thread = thread(6000 + number, "shop", "", None);
        thread.start_routine = None;
        thread.stack = Some(vec![
            libc("epoll_wait", "0x125e2e"),
            at("serve", "/home/ann/shop/src/serve.c", 10 + number.unsigned_abs()),
        ]);
        thread.waiting = waits("epoll_wait", None);
        threads.push(thread);
    }
    let mut record = unsafe_fork(
        vec![at("main", "/home/ann/shop/src/main.c", 50)],
        threads,
        vec![],
        &["Fork before the pool is started."],
    );
    record.truncated = vec!["threads".into()];
    record
}

/// Names that somebody chose to deceive the reader or his terminal.
pub fn hostile() -> Record {
    let mut keeper = thread(
        4243,
        "\u{1b}[2Jx\"\nforkwatch: INFO",
        "run\r\u{202e}me",
        Some(vec![at("a\nb", "/tmp/\u{7}x\u{9b}31m.c", 3)]),
    );
    keeper.python_stack = Some(vec![python_frame("\u{1b}]0;owned\u{7}", "/tmp/e\u{2028}vil.py", 1)]);
    keeper.waiting = waits("read\u{1b}[0m", None);
    let held = lock(
        LockKind::Mutex,
        Some("ever so long ".repeat(20).as_str()),
        &keeper,
        vec![],
        vec![7, 4242],
    );
    let mut record = unsafe_fork(
        vec![],
        vec![keeper],
        vec![held],
        &["line one\nforkwatch: ERROR line two \u{1b}[31m"],
    );
    record.thread = "\u{1b}[1m".into();
    record.context = Some("build\t7\u{1b}[m".into());
    record
}
