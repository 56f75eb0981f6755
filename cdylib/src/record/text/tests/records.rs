//! Records as a fork in a real program would make them.

use forkwatch_schema::SCHEMA;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Fork, Frame, Lock, LockKind, PythonFrame, Record, Thread, UnsafeFork, Waiting};

/// A record around what a kind tells.
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

fn unsafe_fork(stack: Vec<Frame>, threads: Vec<Thread>, locks: Vec<Lock>, advice: &[&str]) -> Record {
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
    };
    build(Kind::UnsafeFork, severity, Detail::UnsafeFork(detail))
}

/// A frame with its source line.
fn at(symbol: &str, file: &str, line: u32) -> Frame {
    Frame {
        symbol: Some(symbol.into()),
        file: Some(file.into()),
        line: Some(line),
        ..inside(symbol, "/home/ann/shop/target/shop", "0x1189")
    }
}

/// A frame without a source line.
fn inside(symbol: &str, module: &str, offset: &str) -> Frame {
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

fn libc(symbol: &str, offset: &str) -> Frame {
    inside(symbol, "/usr/lib/x86_64-linux-gnu/libc.so.6", offset)
}

fn python_frame(function: &str, file: &str, line: u32) -> PythonFrame {
    PythonFrame {
        file: file.into(),
        line,
        function: function.into(),
    }
}

fn main_bottom() -> [Frame; 3] {
    [
        libc("__libc_start_call_main", "0x29d8f"),
        libc("__libc_start_main", "0x29e3f"),
        inside("_start", "/shop", "0x10c4"),
    ]
}

fn thread(tid: i32, name: &str, routine: &str, created: Option<Vec<Frame>>) -> Thread {
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

fn waits(call: &str, address: Option<&str>) -> Option<Waiting> {
    Some(Waiting {
        call: call.into(),
        address: address.map(Into::into),
    })
}

fn lock(kind: LockKind, name: Option<&str>, owner: &Thread, stack: Vec<Frame>, waiters: Vec<i32>) -> Lock {
    Lock {
        address: "0x55d0c81a4040".into(),
        kind,
        name: name.map(Into::into),
        owner_tid: Some(owner.tid),
        owner: Some(owner.name.clone()),
        acquired_stack: stack,
        waiters,
    }
}

/// A C program whose keeper sleeps with a mutex held.
pub fn c_mutex() -> Record {
    let created = [
        vec![
            at("start_keeper", "/home/ann/shop/src/keeper.c", 58),
            at("main", "/home/ann/shop/src/main.c", 31),
        ],
        main_bottom().to_vec(),
    ]
    .concat();
    let mut keeper = thread(4243, "keeper", "keeper_main", Some(created.clone()));
    keeper.waiting = waits("clock_nanosleep", None);
    keeper.stack = Some(vec![
        libc("clock_nanosleep", "0xec7f7"),
        libc("nanosleep", "0xf1127"),
        at("refresh_prices", "/home/ann/shop/src/keeper.c", 23),
        at("keeper_main", "/home/ann/shop/src/keeper.c", 44),
        libc("start_thread", "0x94ac2"),
        libc("__clone3", "0x1268bf"),
    ]);
    let mut worker = thread(4244, "worker", "worker_main", Some(created));
    worker.waiting = waits("pthread_mutex_lock", Some("0x55d0c81a4040"));
    let taken = vec![
        at("refresh_prices", "/home/ann/shop/src/keeper.c", 19),
        at("keeper_main", "/home/ann/shop/src/keeper.c", 44),
        libc("", "0x94ac2"),
        libc("", "0x1268bf"),
    ];
    let held = lock(LockKind::Mutex, None, &keeper, taken, vec![4244]);
    let stack = [
        vec![
            at("print_receipt", "/home/ann/shop/src/receipt.c", 112),
            at("main", "/home/ann/shop/src/main.c", 77),
        ],
        main_bottom().to_vec(),
    ]
    .concat();
    unsafe_fork(
        stack,
        vec![worker, keeper],
        vec![held],
        &[
            "Fork before the threads are started, or start the helper with posix_spawn() instead of fork() (src/receipt.c:112).",
        ],
    )
}

/// C++ with the names that templates make.
pub fn cpp() -> Record {
    const STRING: &str = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
    let map = format!(
        "std::map<{STRING}, std::shared_ptr<shop::Session>, std::less<{STRING} >, std::allocator<std::pair<{STRING} const, std::shared_ptr<shop::Session> > > >"
    );
    let visit = format!("shop::Registry<{map}>::visit({STRING} const&, std::function<void (shop::Session&)>)");
    let mut reaper = thread(
        4243,
        "reaper",
        "execute_native_thread_routine",
        Some(vec![
            inside(
                "std::thread::_M_start_thread(std::unique_ptr<std::thread::_State, std::default_delete<std::thread::_State> >, void (*)())",
                "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
                "0xdc328",
            ),
            at("shop::Registry::Registry()", "/home/ann/shop/src/registry.cc", 30),
        ]),
    );
    reaper.waiting = waits("poll", None);
    let taken = vec![
        inside(
            "__gthread_mutex_lock(pthread_mutex_t*)",
            "/home/ann/shop/target/shop",
            "0x5a10",
        ),
        inside("std::mutex::lock()", "/home/ann/shop/target/shop", "0x5a31"),
        at(&visit, "/home/ann/shop/src/./registry.cc", 88),
        at(&format!("shop::log({STRING} const&)"), "/home/ann/shop/src/log.cc", 12),
        inside(
            "void std::__invoke_impl<void, void (shop::Registry::*)(), shop::Registry*>(std::__invoke_memfun_deref, void (shop::Registry::*&&)(), shop::Registry*&&)",
            "/home/ann/shop/target/shop",
            "0x6102",
        ),
        inside(
            "std::__invoke_result<void (shop::Registry::*)(), shop::Registry*>::type std::__invoke<void (shop::Registry::*)(), shop::Registry*>()",
            "/home/ann/shop/target/shop",
            "0x6050",
        ),
        inside(
            "std::thread::_Invoker<std::tuple<void (shop::Registry::*)(), shop::Registry*> >::operator()()",
            "/home/ann/shop/target/shop",
            "0x5ff2",
        ),
        inside(
            "execute_native_thread_routine",
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
            "0xdc253",
        ),
        libc("start_thread", "0x94ac2"),
        libc("clone3", "0x1268bf"),
    ];
    let held = lock(
        LockKind::Mutex,
        Some("shop::Registry::mutex_"),
        &reaper,
        taken.clone(),
        vec![],
    );
    let second = Lock {
        address: "0x7f10".into(),
        ..lock(
            LockKind::StaticGuard,
            Some("shop::currencies()::table"),
            &reaper,
            vec![at("shop::currencies()", "/home/ann/shop/src/money.cc", 7)],
            vec![],
        )
    };
    let stack = vec![
        at(&visit, "/home/ann/shop/src/registry.cc", 140),
        at("main", "/home/ann/shop/src/main.cc", 9),
    ];
    unsafe_fork(
        stack,
        vec![reaper],
        vec![held, second],
        &["Call exec right after fork."],
    )
}

/// Rust with a thread of the standard library.
pub fn rust() -> Record {
    const STD: &str = "/rustc/17067e9ac6d7e8f9c0d6ab1234567890abcdef12/library/std/src";
    let started = vec![
        at(
            "std::thread::spawn::h0123456789abcdef",
            &format!("{STD}/thread/mod.rs"),
            700,
        ),
        at("shop::prices::start", "src/prices.rs", 20),
        at("shop::main", "src/main.rs", 12),
        at(
            "core::ops::function::FnOnce::call_once",
            "/rustc/17067e9ac6d7e8f9c0d6ab1234567890abcdef12/library/core/src/ops/function.rs",
            253,
        ),
        at(
            "std::sys::backtrace::__rust_begin_short_backtrace",
            &format!("{STD}/sys/backtrace.rs"),
            158,
        ),
        at("std::rt::lang_start::{{closure}}", &format!("{STD}/rt.rs"), 206),
        at("std::rt::lang_start_internal", &format!("{STD}/rt.rs"), 175),
        inside("main", "/home/ann/shop/target/shop", "0x8e15"),
        libc("__libc_start_call_main", "0x29d8f"),
    ];
    let mut prices = thread(
        4243,
        "prices",
        "std::sys::thread::unix::Thread::new::thread_start",
        Some(started),
    );
    prices.waiting = waits("recvfrom", None);
    prices.stack = Some(vec![
        libc("recv", "0x127a1e"),
        at(
            "<std::net::tcp::TcpStream as std::io::Read>::read",
            &format!("{STD}/net/tcp.rs"),
            650,
        ),
        at(
            "ureq::unversioned::transport::tcp::TcpTransport::await_input",
            "/home/ann/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/ureq-3.1.2/src/tcp.rs",
            119,
        ),
        at("shop::prices::run", "src/prices.rs", 41),
    ]);
    let taken = vec![
        at("shop::ffi::Guard::lock", "src/ffi.rs", 16),
        at("shop::prices::run", "src/prices.rs", 38),
    ];
    let held = lock(LockKind::RwlockRead, None, &prices, taken, vec![]);
    let stack = vec![
        at(
            "nix::unistd::fork",
            "/home/ann/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/nix-0.30.1/src/unistd.rs",
            240,
        ),
        at("shop::main", "src/main.rs", 19),
    ];
    unsafe_fork(stack, vec![prices], vec![held], &[])
}

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
    let held = lock(LockKind::Semaphore, Some("self.lock"), &flusher, taken, vec![]);
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
    record
}
