//! Records as a fork in a C, C++ or Rust program would make them.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Detail, Lock, LockKind, Record, Settled};

use super::parts::{at, inside, libc, lock, main_bottom, thread, unsafe_fork, waits};

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

/// A C program whose fork waited until the keeper held nothing.
pub fn settled() -> Record {
    let mut record = c_mutex();
    record.severity = Severity::Info;
    if let Detail::UnsafeFork(fork) = &mut record.detail {
        let mut waited_for = core::mem::take(&mut fork.locks);
        waited_for.iter_mut().for_each(|lock| lock.waiters.clear());
        fork.settled = Some(Settled {
            waited_us: 1234,
            waited_for,
        });
    }
    record.message = crate::headline(&record);
    record
}
