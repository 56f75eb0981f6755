//! H6: a runtime of tokio polls in a thread. A child gives its copy a task: tokio writes to the eventfd of the inherited epoll set,
//! so the parent's thread wakes up, and finds nothing to do.
//!
//! expect: unsafe_fork
//! expect: shared_wakeup ERROR call=write fd_type=eventfd parent_tids=1
//! suppress: *:*

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use forkwatch_test_programs::{BROKEN, REALISED, fork_and, say};

/// A thread's entry below /proc.
fn entry(thread: i32, name: &str) -> String {
    fs::read_to_string(format!("/proc/self/task/{thread}/{name}")).expect("the thread lives")
}

fn is_polling(thread: i32) -> bool {
    let call = entry(thread, "syscall");
    let number = call.split(' ').next().and_then(|number| number.parse().ok());
    number.is_some_and(|number: i64| number == libc::SYS_epoll_pwait || is_old_wait(number))
}

#[cfg(target_arch = "x86_64")]
fn is_old_wait(number: i64) -> bool {
    number == libc::SYS_epoll_wait
}

/// The processor has no such call.
#[cfg(not(target_arch = "x86_64"))]
fn is_old_wait(_number: i64) -> bool {
    false
}

/// How often the thread has gone to sleep of its own accord: once for each time that it woke up.
fn sleeps(thread: i32) -> u64 {
    let status = entry(thread, "status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|number| number.trim().parse().ok())
        .expect("the kernel counts them")
}

fn main() {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("runtime".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .expect("a runtime can be made");
            // SAFETY: `gettid` takes nothing.
            sender
                .send((runtime.handle().clone(), unsafe { libc::gettid() }))
                .expect("main waits");
            runtime.block_on(std::future::pending::<()>());
        })
        .expect("a thread can be started");
    let (handle, thread) = receiver.recv().expect("the runtime is made");
    while !is_polling(thread) {
        thread::sleep(Duration::from_millis(1));
    }
    let before = sleeps(thread);
    let child = fork_and(|| drop(handle.spawn(async {})));
    let mut status = 0;
    // SAFETY: `status` is ours.
    if unsafe { libc::waitpid(child, &raw mut status, 0) } != child || status != 0 {
        std::process::exit(BROKEN);
    }
    while sleeps(thread) == before {
        thread::sleep(Duration::from_millis(1));
    }
    say("the parent's runtime woke up");
    std::process::exit(REALISED);
}
