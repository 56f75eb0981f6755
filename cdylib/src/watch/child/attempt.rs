//! Failed attempts to take an inherited lock. They are reported only once it is clear what follows: CPython tries every lock before it
//! waits for it, and an at-fork handler tries a lock to unlock it.

use core::sync::atomic::{AtomicBool, Ordering};

use lock_api::Mutex;

use super::finding;
use super::site::Site;
use crate::snapshot::{other_threads, python};
use crate::state::orphans::{self, Orphan, Reported};
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::system::own_lock::OwnLock;

/// The most locks whose attempts are kept; one more is reported at once.
const MAX: usize = 8;
/// A lock that is tried this often is not about to be unlocked.
const MAX_TRIES: u8 = 3;

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    orphan: Orphan,
    site: Site,
    /// The stack pointer of its caller; 0 for CPython's, whose callers do not say what follows.
    stack_pointer: usize,
    tries: u8,
}

/// The attempts so far. Their lock is only tried, never waited for: the copy may find it held.
static ATTEMPTS: Mutex<OwnLock, [Option<Attempt>; MAX]> = Mutex::new([None; MAX]);
/// Whether there are any but CPython's. Relaxed: a thread that reads an old value looks again at its next call.
static HAS_ANY: AtomicBool = AtomicBool::new(false);

/// An attempt fails.
pub fn fails(thread: &'static Thread, orphan: Orphan, caller: Caller, site: Site) {
    let reported = {
        let _busy = Busy::from_here();
        let is_cpythons = python::is_its_code(caller.return_address);
        let attempt = Attempt {
            orphan,
            site: site.kept(),
            stack_pointer: if is_cpythons { 0 } else { caller.stack_pointer },
            tries: 1,
        };
        match ATTEMPTS.try_lock() {
            Some(mut attempts) => add(&mut attempts, attempt),
            None => Some(attempt),
        }
    };
    if let Some(attempt) = reported {
        report(thread, attempt);
    }
}

/// Keeps an attempt. Returns the one to report now: one that is repeated or finds no place, or CPython's last, of another lock.
fn add(attempts: &mut [Option<Attempt>; MAX], attempt: Attempt) -> Option<Attempt> {
    let address = attempt.orphan.entry.address;
    let is_same = |kept: &Attempt| kept.orphan.entry.address == address;
    let is_cpythons = attempt.stack_pointer == 0;
    if let Some(kept) = attempts.iter_mut().flatten().find(|kept| is_same(kept)) {
        if is_cpythons {
            *kept = attempt;
            return None;
        }
        kept.tries += 1;
        return (kept.tries >= MAX_TRIES).then_some(attempt);
    }
    let is_cpythons_last = |kept: &Option<Attempt>| kept.is_some_and(|kept| kept.stack_pointer == 0);
    let place = if is_cpythons {
        attempts.iter().position(is_cpythons_last)
    } else {
        HAS_ANY.store(true, Ordering::Relaxed);
        None
    };
    match place.or_else(|| attempts.iter().position(Option::is_none)) {
        Some(place) => attempts.get_mut(place)?.replace(attempt),
        None => Some(attempt),
    }
}

/// A wait for this lock follows the attempt, and is reported instead.
pub fn is_followed_by_wait(address: usize) {
    let Some(mut attempts) = ATTEMPTS.try_lock() else {
        return;
    };
    for kept in attempts.iter_mut() {
        kept.take_if(|kept| kept.orphan.entry.address == address);
    }
}

/// A later call at this stack pointer. What functions have tried that have returned by now was not for an unlock that follows.
#[inline]
pub fn look_again(thread: &'static Thread, stack_pointer: usize) {
    if HAS_ANY.load(Ordering::Relaxed) {
        report_those(thread, |kept| {
            kept.stack_pointer != 0 && kept.stack_pointer < stack_pointer
        });
    }
}

/// Nothing follows: the process ends, or becomes another program.
pub fn report_last(thread: &'static Thread) {
    if are_any_kept() {
        report_those(thread, |_| true);
    }
}

/// Whether a failed attempt may be kept. Most children have no orphan, and must not copy the page of the lock to find that out.
#[inline(always)]
pub fn are_any_kept() -> bool {
    orphans::any()
}

fn report_those(thread: &'static Thread, is_meant: impl Fn(&Attempt) -> bool) {
    let taken = {
        let _busy = Busy::from_here();
        let Some(mut attempts) = ATTEMPTS.try_lock() else {
            return;
        };
        let mut taken = [None; MAX];
        for (kept, taken) in attempts.iter_mut().zip(&mut taken) {
            *taken = kept.take_if(|kept| is_meant(kept));
        }
        HAS_ANY.store(
            attempts.iter().flatten().any(|kept| kept.stack_pointer != 0),
            Ordering::Relaxed,
        );
        taken
    };
    for attempt in taken.into_iter().flatten() {
        report(thread, attempt);
    }
}

fn report(thread: &'static Thread, attempt: Attempt) {
    let Attempt { orphan, site, .. } = attempt;
    if other_threads::is_held(&orphan.entry, orphan.owner) {
        finding::orphaned_lock(thread, orphan, Reported::Try, true, site);
    }
}
