//! A call in which an at-fork handler waits: `fork` does not return meanwhile. A wait that is sure never to end is reported before
//! it begins, any other when it has lasted long; and once more if the thread that it waits for turns out not to move.
//!
//! A lock call of a handler takes the cold path, and waits with time-outs first. So does `pthread_join`. The rest is as without us.
#![expect(unsafe_code, reason = "calls libc's waits with a time-out")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::Phase;

use super::{new_process, report, reporting};
use crate::record::slow_handler::{self, Wait};
use crate::snapshot::lock_state::{LockState, lock_state};
use crate::snapshot::names;
use crate::state::forked_child;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::state::threads;
use crate::system::clock::{self, Time};
use crate::system::errno::KeepErrno;
use crate::system::next_definition::Scope;
use crate::system::real::{no_error_number, real_function};
use crate::verdict::handler_wait::{self, Still};

/// A wait of this many seconds is long.
const LONG: i64 = 2;
/// A thread that has not moved for this many seconds is not expected to.
const STILL: i64 = 10;

/// The record of the thread that runs a handler; 0 where none does. One at a time: the handlers of a second fork at the same time are
/// not watched. Relaxed, as the next: only that thread itself acts on them.
static THREAD: AtomicUsize = AtomicUsize::new(0);
/// A place in the frame that the handler runs above: calls from further up the stack come after a jump out of the handler.
static FRAME: AtomicUsize = AtomicUsize::new(0);
/// The handler's address, and whether it is one of those that run after the copy.
static HANDLER: AtomicUsize = AtomicUsize::new(0);
static IS_LATE: AtomicBool = AtomicBool::new(false);

real_function!(static TIMED_LOCK = c"pthread_mutex_timedlock", Scope::Next, None, Some(no_error_number));
real_function!(static TIMED_JOIN = c"pthread_timedjoin_np", Scope::Next, None, Some(no_error_number));

/// The handler at this address begins in this thread, called from the frame around `frame`.
pub fn begin(thread: &Thread, handler: usize, phase: Phase, frame: usize) {
    if forked_child::is_watched() {
        return;
    }
    let own = core::ptr::from_ref(thread) as usize;
    // The thread may have jumped out of its last handler.
    let before = THREAD.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed);
    if before.is_ok() || before == Err(own) {
        // Relaxed: only the thread that runs the handler acts on it.
        FRAME.store(frame, Ordering::Relaxed);
        HANDLER.store(handler, Ordering::Relaxed);
        IS_LATE.store(phase == Phase::Parent, Ordering::Relaxed);
        thread.leave_hot_path();
    }
}

/// It has returned, or was left by a jump or by the end of its thread.
pub fn end(thread: &Thread) {
    if is_running_in(thread) {
        THREAD.store(0, Ordering::Relaxed);
        thread.set_stack(thread.stack_low(), thread.stack_span(), !forked_child::is_watched());
    }
}

fn is_running_in(thread: &Thread) -> bool {
    THREAD.load(Ordering::Relaxed) == core::ptr::from_ref(thread) as usize
}

/// Whether this call is one of the handler's, or of a signal handler above it.
fn is_from_handler(thread: &Thread, caller: Caller) -> bool {
    if !is_running_in(thread) {
        return false;
    }
    // Relaxed: this thread's own.
    let was_left = thread.has_on_stack(caller.stack_pointer) && caller.stack_pointer > FRAME.load(Ordering::Relaxed);
    if was_left {
        end(thread);
    }
    !was_left
}

/// Before a handler's call that takes this mutex. Returns its result if that is known already.
#[cold]
#[inline(never)]
pub fn mutex(thread: &'static Thread, address: usize, caller: Caller) -> Option<c_int> {
    if !is_from_handler(thread, caller) {
        return None;
    }
    let own = rustix::thread::gettid().as_raw_nonzero().get();
    // SAFETY: the program is about to pass this very mutex to libc.
    let state = || unsafe { lock_state(Object::Mutex, address, || own) };
    let LockState::Held(owner) = state() else { return None };
    if owner == own {
        tell(thread, (owner, Severity::Fatal), 0, caller);
        return None;
    }
    type Lock = unsafe extern "C-unwind" fn(usize, *const Time) -> c_int;
    // SAFETY: the function of this name has this type.
    let timed = unsafe { core::mem::transmute::<*mut c_void, Lock>(TIMED_LOCK.if_there()?) };
    let lock = |until: &Time| {
        // SAFETY: the program's own mutex.
        unsafe { timed(address, until) }
    };
    let owner = || match state() {
        LockState::Held(owner) => Some(owner),
        _ => None,
    };
    match wait(thread, lock, owner, caller) {
        // As an error-checking mutex, or one without an owner's rights, answers; the real call says so itself.
        Some(error) if error != 0 && error != libc::EOWNERDEAD => None,
        taken => taken,
    }
}

/// Waits for a thread, which `whom` names, by a call that ends at a time; reports the wait when it is long, and again when it turns out
/// to be hopeless. Returns the call's result; `None` where only a wait without end is left.
fn wait(
    thread: &'static Thread,
    call: impl Fn(&Time) -> c_int,
    whom: impl Fn() -> Option<i32>,
    caller: Caller,
) -> Option<c_int> {
    let own = rustix::thread::gettid().as_raw_nonzero().get();
    let mut lasted = 0;
    let mut before = None;
    loop {
        let is_first = lasted == 0;
        let seconds = if is_first { LONG } else { STILL };
        let result = call(&in_seconds(seconds));
        if result != libc::ETIMEDOUT {
            return Some(result);
        }
        lasted += seconds;
        let tid = whom()?;
        let is_hopeless;
        (is_hopeless, before) = look(thread, own, tid, before);
        if is_hopeless {
            tell(thread, (tid, Severity::Error), lasted, caller);
            return None;
        }
        if is_first {
            tell(thread, (tid, Severity::Warn), lasted, caller);
        }
        if tid == 0 {
            return None;
        }
    }
}

/// Whether it is hopeless to wait for the thread with this id, as far as that shows; and the thread as it is now.
fn look(thread: &'static Thread, own: i32, tid: i32, before: Option<Still>) -> (bool, Option<Still>) {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    let is_still = before.is_some_and(|before| before.lasts_in(tid));
    (
        is_still || handler_wait::is_deadlock(thread, own, tid),
        Still::begin(tid),
    )
}

/// A handler's `pthread_join`.
pub fn join(handle: usize, result: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    // Relaxed: only the thread that runs the handler acts on it.
    if THREAD.load(Ordering::Relaxed) != 0
        && let Some(thread) = Thread::current()
        && let Some(known) = timed_join(thread, handle, result, caller)
    {
        return known;
    }
    real()
}

#[cold]
#[inline(never)]
fn timed_join(thread: &'static Thread, handle: usize, result: usize, caller: Caller) -> Option<c_int> {
    if !is_from_handler(thread, caller) {
        return None;
    }
    type Join = unsafe extern "C-unwind" fn(usize, usize, *const Time) -> c_int;
    // SAFETY: the function of this name has this type.
    let timed = unsafe { core::mem::transmute::<*mut c_void, Join>(TIMED_JOIN.if_there()?) };
    let join = |until: &Time| {
        // SAFETY: the program's own thread, and place for its result.
        unsafe { timed(handle, result, until) }
    };
    let joined = || {
        let joined = threads::all().find(|(_, _, other)| other.handle() == handle);
        Some(joined.map_or(0, |(_, tid, _)| tid))
    };
    wait(thread, join, joined, caller)
}

fn in_seconds(seconds: i64) -> Time {
    let mut time = clock::of_day();
    time.seconds += seconds;
    time
}

/// Reports the wait for the thread with this id, which has lasted so many seconds.
fn tell(thread: &'static Thread, (tid, severity): (i32, Severity), seconds: i64, caller: Caller) {
    let _errno = KeepErrno::save();
    let stack = thread.stack_of(caller);
    let _busy = Busy::from_here();
    if !new_process::may_report(thread) {
        return;
    }
    // Relaxed: only the thread that runs the handler acts on it.
    let phase = if IS_LATE.load(Ordering::Relaxed) {
        Phase::Parent
    } else {
        Phase::Prepare
    };
    // Relaxed: only the thread that runs the handler acts on it.
    let handler = (HANDLER.load(Ordering::Relaxed), phase);
    let wait = Wait {
        tid,
        severity,
        milliseconds: seconds.unsigned_abs() * 1000,
    };
    reporting::with_lock(|_| {
        if let Some(mut resolver) = names::resolver() {
            report::finding(slow_handler::waiting(
                handler,
                (caller.function, stack),
                wait,
                &mut resolver,
            ));
        }
    });
}
