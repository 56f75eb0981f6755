//! The wait itself: looks again and again at what the other threads hold.

use core::time::Duration;

use rustix::thread::{Timespec, nanosleep};

use super::stuck::{self, Stuck};
use super::{Settling, stop_threads};
use crate::snapshot::holders::{self, Holder};
use crate::state::settling::{self, GATE};
use crate::state::thread::{Busy, Thread};
use crate::system::clock;
use crate::system::python_calls::InterpreterLock;
use crate::verdict::bookkeeping;

/// Between two looks: short at first, as most locks are held for microseconds.
const FIRST_NAP: Duration = Duration::from_micros(20);
const LONGEST_NAP: Duration = Duration::from_micros(500);
/// A lock that stays held for so long may be an interpreter's own.
const LONG: Duration = Duration::from_millis(2);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other threads hold nothing.
    Clear,
    /// The time is up, or waiting longer is of no use.
    GivenUp,
}

/// Waits in a thread that gives nothing up meanwhile.
pub(super) fn natively(thread: &'static Thread, settling: &mut Settling) {
    let end = {
        let _busy = Busy::from_here();
        until_clear(thread, settling, &mut Stuck::new(true))
    };
    note(settling, end);
}

/// Waits in a thread that has the interpreter lock, and gives it up meanwhile.
pub(super) fn outside_python(thread: &'static Thread, settling: &mut Settling, lock: InterpreterLock) {
    let mut stuck = Stuck::new(false);
    let mut nap = FIRST_NAP;
    let end = loop {
        if is_clear(thread) {
            break End::Clear;
        }
        if is_over(settling) {
            break End::GivenUp;
        }
        let released = lock.release();
        let end = {
            let _busy = Busy::from_here();
            sleep(nap);
            until_clear(thread, settling, &mut stuck)
        };
        lock.take(released);
        if end == End::GivenUp {
            break end;
        }
        nap = (nap * 2).min(LONGEST_NAP);
    };
    note(settling, end);
}

fn note(settling: &mut Settling, end: End) {
    settling.ended = Some(clock::since_start());
    if end == End::GivenUp
        && let Some(closing) = settling.closing.take()
    {
        GATE.open(closing);
    }
}

fn is_over(settling: &Settling) -> bool {
    let is_open = settling.closing.is_none_or(|closing| !GATE.is_still(closing));
    is_open || settling.waited() >= settling::limit().unwrap_or_default()
}

/// Looks until the other threads hold nothing.
fn until_clear(thread: &'static Thread, settling: &mut Settling, stuck: &mut Stuck) -> End {
    let mut nap = FIRST_NAP;
    loop {
        let mut holders: Vec<Holder> = Vec::new();
        holders::each(thread, bookkeeping::counts, |holder| holders.push(holder));
        holders.retain(|holder| !stuck::waits_for_signal(holder));
        if holders.is_empty() {
            return End::Clear;
        }
        for holder in holders.iter().filter(|holder| !holder.only_asks) {
            if let Some(entry) = &holder.entry {
                settling.see(holder.tid, entry);
            }
        }
        if settling.waited() >= LONG {
            holders.retain(|holder| !holder.entry.as_ref().is_some_and(bookkeeping::learn));
        }
        if is_over(settling) || stuck.is(thread, &holders) {
            stuck.remember(thread, &holders);
            return End::GivenUp;
        }
        sleep(nap);
        nap = (nap * 2).min(LONGEST_NAP);
        // A thread that has begun meanwhile starts on its hot path.
        stop_threads(thread);
    }
}

/// Whether no other thread holds, asks for or is releasing a lock.
pub(super) fn is_clear(thread: &'static Thread) -> bool {
    let mut is_clear = true;
    holders::each(thread, bookkeeping::counts, |holder| {
        is_clear &= stuck::waits_for_signal(&holder)
    });
    is_clear
}

fn sleep(time: Duration) {
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: time.subsec_nanos().into(),
    };
    // A signal may end it early; the clock bounds the whole.
    let _early_is_fine = nanosleep(&time);
}
