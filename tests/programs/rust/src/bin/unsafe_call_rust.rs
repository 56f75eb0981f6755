//! H4: a child formats a text and takes a lock of the standard library: its allocation is reported, its inline lock is no call.
//!
//! bare: 0
//! options: FORKWATCH_AUDIT=on
//! expect: unsafe_fork WARN threads=1
//! expect: unsafe_call WARN call=malloc in=greet library=unsafe_call_rust
//! expect: unsafe_call WARN call=free
//! allow: unsafe_call
//! count: any
//! suppress: *:*

use std::sync::{Arc, Mutex};
use std::thread::Builder;

use forkwatch_test_programs::{Gate, fork_and, idle_for_ever, verdict};

static GREETINGS: Mutex<usize> = Mutex::new(0);

#[inline(never)]
fn greet(name: &str) {
    let text = format!("good morning, {name}, and good night");
    *GREETINGS.lock().expect("nobody panicked") += text.len();
}

fn main() {
    let ready = Arc::new(Gate::new());
    let opener = Arc::clone(&ready);
    let worker = Builder::new().name("worker".into()).spawn(move || {
        opener.open();
        idle_for_ever()
    });
    assert!(worker.is_ok(), "a thread can be started");
    ready.pass();
    let name = std::env::args().next().unwrap_or_default();
    let child = fork_and(|| greet(&name));
    std::process::exit(verdict(child));
}
