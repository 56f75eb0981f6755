//! `Command` in a program with threads, one of which holds a lock: bound to exec, by `posix_spawn` or by a fork of its own
//! (`pre_exec` and a user id need one).
//!
//! expect: silent
//! runs: {output,pre_exec,current_dir,user}

use std::cell::UnsafeCell;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::thread::Builder;

use forkwatch_test_programs::{Gate, idle_for_ever, mode};

struct Vault(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: the mutex is only handed to functions that are made for several threads.
unsafe impl Sync for Vault {}

static VAULT: Vault = Vault(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

fn main() {
    let mode = mode();
    let held = Arc::new(Gate::new());
    let opener = Arc::clone(&held);
    let keeper = Builder::new().name("keeper".into()).spawn(move || {
        // SAFETY: the mutex is static and was initialised.
        unsafe { libc::pthread_mutex_lock(VAULT.0.get()) };
        opener.open();
        idle_for_ever()
    });
    assert!(keeper.is_ok(), "a thread can be started");
    held.pass();
    let mut command = Command::new("echo");
    command.arg("through a pipe");
    if mode == "pre_exec" {
        // SAFETY: the closure calls nothing.
        unsafe { command.pre_exec(|| Ok(())) };
    }
    if mode == "current_dir" {
        command.current_dir("/");
    }
    if mode == "user" {
        // SAFETY: takes nothing and changes nothing.
        command.uid(unsafe { libc::geteuid() });
    }
    let output = command.output().expect("echo can be run");
    assert!(output.status.success());
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
