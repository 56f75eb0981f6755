//! Before a call that takes a lock, in a forked child: would it ever return?
#![expect(unsafe_code, reason = "reads the program's own lock")]

use core::ffi::c_int;

use forkwatch_schema::record::WaitObject;

use super::site::Site;
use super::{attempt, finding, prediction, python_lock, waits_in_vain};
use crate::snapshot::alive;
use crate::snapshot::lock_state::{LockState, lock_state};
use crate::state::depot::NO_STACK;
use crate::state::forked_child;
use crate::state::held::{Entry, Object, Stage};
use crate::state::orphans::{self, Orphan, Reported};
use crate::state::signalling;
use crate::state::stack_cache::Caller;
use crate::state::thread::Thread;
use crate::system::errno::KeepErrno;
use crate::system::task;
use crate::verdict::child_call::{CallOutcome, Wait, judge};
use crate::verdict::fork_record;
use crate::verdict::lost_servers::Target;
use crate::watch::new_process::catch_up_with_locks;

/// Before a call that takes this lock, in a watched child.
#[cold]
#[inline(never)]
pub fn before_call(thread: &'static Thread, object: Object, address: usize, wait: Wait, caller: Caller) {
    catch_up_with_locks(thread);
    attempt::look_again(thread, caller.stack_pointer);
    // SAFETY: the program is about to pass this very object to libc.
    match unsafe { lock_state(object, address, own_id) } {
        LockState::Free => {
            orphans::forget(address);
            prediction::finds_free(thread, object, address, wait, caller);
        }
        LockState::Shared => {}
        LockState::Held(owner) => contended(thread, object, address, owner, wait, caller),
    }
}

/// Before a call of libc that takes this lock, which no hook sees. `certain` says that the call is sure to wait where it is held.
#[cold]
#[inline(never)]
pub fn before_region(thread: &'static Thread, address: usize, certain: bool, caller: Caller) {
    before_short_region(thread, address, certain, caller);
    if orphans::find(address).is_none() {
        prediction::finds_free(thread, Object::LibcRegion, address, Wait::Forever, caller);
    }
}

/// The same, where no other thread was seen to hold the lock in such a call.
#[cold]
#[inline(never)]
pub fn before_short_region(thread: &'static Thread, address: usize, certain: bool, caller: Caller) {
    catch_up_with_locks(thread);
    attempt::look_again(thread, caller.stack_pointer);
    if let Some(orphan) = orphans::find(address) {
        finding::orphaned_lock(thread, orphan, Reported::Block, certain, Site::of(caller));
    }
}

/// The lock is not free. It may become free if a thread of this process holds it.
fn contended(thread: &'static Thread, object: Object, address: usize, owner: i32, wait: Wait, caller: Caller) {
    let _errno = KeepErrno::save();
    let site = Site::of(caller);
    let lives_here = owner != 0 && task::exists(owner);
    if lives_here {
        orphans::forget(address);
    }
    // A thread of this process may have released the lock and ended since we read it. One that has ended released it before.
    // SAFETY: the program is about to pass this very object to libc.
    let is_still_held = || unsafe { lock_state(object, address, own_id) } == LockState::Held(owner);
    if owner != 0 && !lives_here && !is_still_held() {
        return;
    }
    let orphan = orphans::find(address).or_else(|| taken_unseen(thread, object, address, owner, lives_here));
    match (judge(object, wait, orphan.is_some(), alive::is_alone), orphan) {
        (CallOutcome::AsksForOrphan(how), Some(orphan)) => {
            attempt::is_followed_by_wait(address);
            finding::orphaned_lock(thread, orphan, how, true, site);
        }
        (CallOutcome::TriesOrphan, Some(orphan)) => attempt::fails(thread, orphan, caller, site),
        (CallOutcome::MayAskForPythonLock, _) => {
            if let Some(orphan) = python_lock::seen_behind(address) {
                finding::orphaned_lock(thread, orphan, Reported::Try, true, site);
                return;
            }
            let target = Target {
                object: WaitObject::Semaphore,
                address,
                mutex: 0,
            };
            let place = (caller.return_address, caller.stack_pointer);
            waits_in_vain::waits(thread, target, place, site);
        }
        (CallOutcome::IsStuck, _) if !is_still_held() => {}
        (CallOutcome::IsStuck, _) => match held_by_this_thread(thread, object, address) {
            Some(entry) => finding::own_lock(thread, entry, site),
            None => match torn(thread, object, address) {
                Some(orphan) => finding::orphaned_lock(thread, orphan, Reported::Block, true, site),
                None => finding::stuck_child(thread, object, address, site),
            },
        },
        (CallOutcome::MayReturn | CallOutcome::AsksForOrphan(_) | CallOutcome::TriesOrphan, _) => {}
    }
}

/// The orphan for a lock whose owner is not a thread of this process: the forking thread took it, or no hook saw who did.
fn taken_unseen(thread: &Thread, object: Object, address: usize, owner: i32, lives_here: bool) -> Option<Orphan> {
    if owner == 0 || lives_here {
        return None;
    }
    let taken_before = || Some(prediction::find_taker(thread, object, address, |tid| tid == owner)?.entry());
    let entry = thread.held.inherited(address).or_else(taken_before).unwrap_or(Entry {
        address,
        object,
        stage: Stage::Held,
        stack: NO_STACK,
        made: NO_STACK,
        stack_pointer: 0,
    });
    orphans::add(entry, owner, fork_record::newest_number());
    orphans::find(address)
}

/// The orphan for a lock that is held without an owner, by no thread of this process: the fork copied its page while a thread took
/// or released it. That thread is one that takes it again and again.
fn torn(thread: &Thread, object: Object, address: usize) -> Option<Orphan> {
    // Any thread may give it back.
    if object.may_signal() {
        return None;
    }
    let taker = prediction::find_taker(thread, object, address, |_| true)?;
    orphans::add(taker.entry(), taker.tid, fork_record::newest_number());
    orphans::find(address)
}

/// The entry of a lock that this thread held at the fork and still holds: it now waits for itself. The lock does not record
/// its owner.
fn held_by_this_thread(thread: &Thread, object: Object, address: usize) -> Option<Entry> {
    let is_signalling = object.may_signal() && signalling::contains(address);
    // In a process with one thread, calls for Python's locks are only seen from its first fork on.
    let taken_unseen = || {
        let is_python_only = object == Object::PythonLock && !forked_child::parent_had_threads();
        (is_python_only && !thread.held.holds(address)).then_some(Entry {
            address,
            object,
            stage: Stage::Held,
            stack: NO_STACK,
            made: NO_STACK,
            stack_pointer: 0,
        })
    };
    let held = thread.held.inherited(address).or_else(taken_unseen);
    held.filter(|_| !is_signalling)
}

/// After the release of a lock that this thread held at the fork. A mutex that records its owner's id refuses the child; to a
/// read-write lock taken for writing, the child is no writer, and its release has no effect.
#[cold]
#[inline(never)]
pub fn after_release(thread: &'static Thread, entry: Entry, result: c_int, caller: Caller) {
    let is_refused = result == libc::EPERM && entry.object == Object::Mutex;
    let has_no_effect = result == 0 && entry.object == Object::RwlockWrite;
    if !is_refused && !has_no_effect {
        return;
    }
    let _errno = KeepErrno::save();
    // SAFETY: the program has just passed this very lock to libc.
    let LockState::Held(owner) = (unsafe { lock_state(entry.object, entry.address, own_id) }) else {
        return;
    };
    if owner == 0 || task::exists(owner) {
        return;
    }
    orphans::add(entry, owner, fork_record::newest_number());
    if is_refused && let Some(orphan) = orphans::find(entry.address) {
        finding::orphaned_lock(thread, orphan, Reported::Block, true, Site::of(caller));
    }
}

/// The lock at this address was initialised again or destroyed.
pub fn forget(thread: &'static Thread, address: usize) {
    catch_up_with_locks(thread);
    orphans::forget(address);
    prediction::is_new(thread, address);
}

fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}
