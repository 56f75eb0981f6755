//! H1, H2: a pthread mutex is held by another Rust thread at the fork. The child waits for it for ever.
//!
//! expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
//! with: lock=mutex name=*::VAULT owner=keeper acquired=vault_open
//! with: thread=keeper created=main
//! expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex name=*::VAULT owner=keeper blocking=true same_fork=yes
//! suppress: unsafe_fork:*vault_open*
//! suppress: orphaned_lock:*

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread::Builder;

use forkwatch_test_programs::{Gate, fork_and, idle_for_ever, verdict};

struct Vault(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: the mutex is only handed to functions that are made for several threads.
unsafe impl Sync for Vault {}

static VAULT: Vault = Vault(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

#[inline(never)]
fn vault_open() {
    // SAFETY: the mutex is static and was initialised.
    let result = unsafe { libc::pthread_mutex_lock(VAULT.0.get()) };
    assert_eq!(result, 0);
}

fn main() {
    let held = Arc::new(Gate::new());
    let opener = Arc::clone(&held);
    let keeper = Builder::new().name("keeper".into()).spawn(move || {
        vault_open();
        opener.open();
        idle_for_ever()
    });
    assert!(keeper.is_ok(), "a thread can be started");
    held.pass();
    let child = fork_and(vault_open);
    std::process::exit(verdict(child));
}
