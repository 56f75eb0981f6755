//! H9: a mutex of the standard library or of parking_lot is held by another thread at the fork. Taking it free is an inline
//! instruction that nobody can see from outside, so at the fork only the thread can be reported: a known limit. The child that
//! needs it still hangs.
//!
//! expect: unsafe_fork WARN function=fork fork=main threads=1
//! with: thread=keeper created=main
//! expect: stuck_child FATAL call="syscall(SYS_futex)" object=futex in=main same_fork=yes
//! runs: {std,parking_lot}

use std::sync::{Arc, Mutex};
use std::thread::Builder;

use forkwatch_test_programs::{Gate, fork_and, idle_for_ever, mode, verdict};

static STANDARD: Mutex<()> = Mutex::new(());
static PARKING: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

fn main() {
    let standard = mode() == "std";
    let held = Arc::new(Gate::new());
    let opener = Arc::clone(&held);
    let keeper = Builder::new().name("keeper".into()).spawn(move || {
        let _standard = STANDARD.lock();
        let _parking = PARKING.lock();
        opener.open();
        idle_for_ever()
    });
    assert!(keeper.is_ok(), "a thread can be started");
    held.pass();
    let child = fork_and(|| {
        if standard {
            let _never = STANDARD.lock();
        } else {
            let _never = PARKING.lock();
        }
    });
    std::process::exit(verdict(child));
}
