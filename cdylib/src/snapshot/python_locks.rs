//! The CPython locks that no hook sees, with their holders' ids, as far as they can be found cheaply.

use forkwatch_process::cpython::Held;

use crate::config;
use crate::snapshot::alive::Alive;
use crate::snapshot::python;
use crate::state::credit::Credit;
use crate::state::report_lock::{Guarded, ReportLock};
use crate::state::thread::Thread;
use crate::system::{python as interpreter, python_methods};

/// In ticks of the processor's clock: enough for some hundred searches.
const FIRST_CREDIT: i64 = 250_000_000;

/// The time that may be spent: a program that forks all the time is not searched at every fork.
#[expect(unsafe_code, reason = "a static in the section that a fork writes to")]
#[unsafe(link_section = ".data.forkwatch_fork")]
static CREDIT: Guarded<Credit> = Guarded::new(Credit::new());

/// The locks that these threads hold, at a fork of a known place.
pub fn find(lock: &mut ReportLock, alive: &[Alive]) -> Vec<(Held, i32)> {
    if !config::get().python || interpreter::found().is_none() || python_methods::are_replaced() {
        return Vec::new();
    }
    let credit = CREDIT.get_mut(lock);
    let Some(this) = Thread::even_if_busy().filter(|_| credit.is_left(FIRST_CREDIT)) else {
        return Vec::new();
    };
    let held = python::held_in_blocks(this.handle());
    credit.pay(u64::MAX);
    with_holders(&held, alive)
}

/// The locks whose holders are among these threads.
pub fn with_holders(held: &[Held], alive: &[Alive]) -> Vec<(Held, i32)> {
    let holder = |held: &Held| {
        let is_it = |alive: &&Alive| alive.thread.is_some_and(|thread| thread.handle() == held.holder);
        Some((*held, alive.iter().find(is_it)?.tid))
    };
    held.iter().filter_map(holder).collect()
}
