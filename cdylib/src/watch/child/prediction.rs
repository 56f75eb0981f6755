//! A call that takes a free lock: had the fork come while another thread held it, would the call have hung? A lost thread that takes
//! the lock again and again could as well have held it.

use core::sync::atomic::{AtomicU32, Ordering};

use super::finding::in_child;
use super::site::Site;
use crate::config;
use crate::record;
use crate::record::child_call::ChildCall;
use crate::snapshot::{names, python};
use crate::state::forked_child;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::state::{cleared, counts, takers};
use crate::system;
use crate::system::errno::KeepErrno;
use crate::verdict::child_call::Wait;
use crate::verdict::fork_record;
use crate::verdict::possible_deadlock::{self, Taker, Verdict};

/// The most locks that a process examines closely, which takes milliseconds each.
const MAX_EXAMINED: u32 = 64;

/// Locks examined closely. Relaxed: a count that need not be exact.
static EXAMINED: AtomicU32 = AtomicU32::new(0);

/// Before a call that finds this lock free.
pub fn finds_free(thread: &'static Thread, object: Object, address: usize, wait: Wait, caller: Caller) {
    let is_meant = forked_child::parent_had_threads()
        && !forked_child::is_settled()
        && wait != Wait::Bounded
        && !matches!(object, Object::StaticGuard | Object::Condition)
        // A call on such a lock says itself whether it only tries.
        && !(object == Object::PythonLock && wait == Wait::Never)
        && config::get().predict
        && !cleared::contains(address);
    if !is_meant {
        return;
    }
    let taker = find_taker(thread, object, address, |_| true);
    let Some(taker) = taker.filter(|_| !system::python::is_own_lock(address)) else {
        cleared::insert(address);
        return;
    };
    let _errno = KeepErrno::save();
    if wait == Wait::Never && !waits_after_try(caller.return_address) {
        return;
    }
    cleared::insert(address);
    if EXAMINED.fetch_add(1, Ordering::Relaxed) >= MAX_EXAMINED {
        return;
    }
    let mut site = Site::of(caller);
    if wait == Wait::Never {
        // The call that follows a failed attempt, and that would not return.
        site.function = "sem_wait";
    }
    in_child(thread, &site, |reporter| {
        let Some(mut resolver) = names::resolver() else {
            return;
        };
        match possible_deadlock::judge(reporter.lock, &taker, &mut resolver) {
            Verdict::Harmless => {}
            Verdict::Suppressed => counts::SUPPRESSED.add(),
            Verdict::Finding(evidence) => {
                let call = ChildCall::read(site.function, reporter.stack, &mut resolver);
                let content = record::possible_deadlock::content(&taker, evidence, call);
                // Of a library that takes many locks, one says it all: the others have the same fingerprint.
                reporter.report(content, fork_record::newest_number());
            }
        }
    });
}

/// The first lost thread, of those whose ids are `wanted`, that is known to take this lock, too.
pub fn find_taker(thread: &Thread, object: Object, address: usize, wanted: impl Fn(i32) -> bool) -> Option<Taker> {
    fork_record::of_lost_threads(thread, |tid, lost| {
        let taken = takers::taken(lost, object, address).filter(|_| wanted(tid))?;
        Some(Taker { tid, address, taken })
    })
}

/// Whether an attempt is only the first step of a wait: CPython tries every lock before it waits for it. Where its code asks for no
/// more than an attempt, it is not.
fn waits_after_try(return_address: usize) -> bool {
    let _busy = Busy::from_here();
    python::is_its_code(return_address) && !python::may_only_try()
}

/// The child makes or ends the lock at this address: a lost thread that took one there took another. The time of that is forgotten where
/// the child makes many, so the lock itself is remembered.
pub fn is_new(thread: &Thread, address: usize) {
    let is_meant = forked_child::parent_had_threads() && !forked_child::is_settled() && !cleared::contains(address);
    let took = |_, lost: &'static Thread| takers::has_ever_taken(lost, address).then_some(());
    if is_meant && fork_record::of_lost_threads(thread, took).is_some() {
        cleared::insert(address);
    }
}

/// The lock at this address is the child's own: the forking thread held it across the fork, and no other thread can have.
pub fn is_own(address: usize) {
    if forked_child::parent_had_threads() {
        cleared::insert(address);
    }
}
