//! H3: named threads of the standard library are alive at the fork, parked and waiting for a channel, and hold nothing.
//!
//! bare: 0
//! expect: unsafe_fork WARN function=fork fork=main locks=0 threads=2
//! with: thread=worker-parked created=main
//! with: thread=worker-channel created=main
//! suppress: thread:worker-*

use std::sync::{Arc, mpsc};
use std::thread::Builder;

use forkwatch_test_programs::{Gate, fork_and, verdict};

fn main() {
    let ready = Arc::new(Gate::new());
    let (_sender, receiver) = mpsc::channel::<()>();
    let opener = Arc::clone(&ready);
    let parked = Builder::new().name("worker-parked".into()).spawn(move || {
        opener.open();
        loop {
            std::thread::park();
        }
    });
    let opener = Arc::clone(&ready);
    let channel = Builder::new().name("worker-channel".into()).spawn(move || {
        opener.open();
        receiver.recv()
    });
    assert!(parked.is_ok() && channel.is_ok(), "threads can be started");
    ready.pass();
    ready.pass();
    let child = fork_and(|| {});
    std::process::exit(verdict(child));
}
