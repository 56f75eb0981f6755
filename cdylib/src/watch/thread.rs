//! A thread's beginning and end.
#![expect(unsafe_code, reason = "thread-specific data and the program's start routine")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{child, counts, fork, report, start};
use crate::config;
use crate::snapshot::stack_bounds;
use crate::state::depot::{self, NO_STACK};
use crate::state::stack_cache;
use crate::state::thread::{Busy, Origin, Thread};
use crate::state::{threads, unwind};
use crate::system::errno::KeepErrno;
use crate::system::{process, python};

/// Rounds of destructors that POSIX guarantees and glibc runs; ours waits for the last, so that other destructors that
/// unlock come first.
const LAST_ROUND: u8 = 4;
const NO_KEY: u32 = u32::MAX;

/// The key whose destructor tells us of a thread's end, however it ends. Relaxed: written by stage one.
static KEY: AtomicU32 = AtomicU32::new(NO_KEY);

/// This thread's record, if its hook may touch state; meets the thread where it is unknown.
#[inline(always)]
pub fn current() -> Option<&'static Thread> {
    match Thread::current() {
        Some(thread) => Some(thread),
        None => meet(),
    }
}

/// Makes the key. Called once, by stage one.
pub fn make_key() {
    let mut key = 0;
    // SAFETY: `key` is ours to write, and the destructor is a function that never unwinds.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(ends)) } == 0 {
        KEY.store(key, Ordering::Relaxed);
    }
}

/// A thread is being created here by this function: takes a place for it. `None`: it runs unwatched.
pub fn is_created(
    function: &'static str,
    start_routine: usize,
    argument: usize,
    stack_bytes: usize,
) -> Option<&'static Thread> {
    let errno = KeepErrno::as_it_is();
    let thread = current()?;
    child::creates_thread(thread, function, core::ptr::from_ref(&errno) as usize);
    let _busy = Busy::from_here();
    fork::notice_new_process(thread);
    counts::add_own_forks();
    let created = match stack_cache::depth() {
        0 => NO_STACK,
        depth if unwind::is_safe() => depot::intern(unwind::walk_from_caller(depth).frames()),
        _ => NO_STACK,
    };
    let creator = rustix::thread::gettid().as_raw_nonzero().get();
    if creator == process::id() && config::get().python {
        python::search();
    }
    threads::reserve(Origin {
        start_routine,
        argument,
        created,
        creator,
        stack_bytes,
    })
}

/// A created thread begins: called in it, before the program's code. `here` is an address in the frame of the wrapper that
/// will call the program's start routine.
pub fn begins(thread: &'static Thread, here: usize) {
    // A signal handler that comes in between must not meet the thread for a second time; one that came before has.
    if let Some(met) = Thread::even_if_busy() {
        Thread::pass_by();
        threads::cancel(met);
    }
    Thread::pass_by();
    thread.note_handle();
    threads::run(thread, rustix::thread::gettid().as_raw_nonzero().get());
    let bytes = thread.origin().map_or(0, |origin| origin.stack_bytes);
    // libc's own data lies above `here`, so the stack ends a little higher than this.
    let margin = (64 << 10).min(bytes / 4);
    thread.begin_on_stack(here.saturating_sub(bytes) + margin, here);
    hear_of_end(thread);
    thread.begin();
}

/// Meets a thread whose creation was not seen: the first one, and those made around `pthread_create`.
#[cold]
#[inline(never)]
fn meet() -> Option<&'static Thread> {
    if !Thread::is_unknown() {
        return Thread::left_by_a_jump();
    }
    let _errno = KeepErrno::as_it_is();
    // What happens in here must not come back to here.
    let busy = Busy::from_here();
    if !start::stage_one() {
        return None;
    }
    let origin = Origin {
        start_routine: 0,
        argument: 0,
        created: NO_STACK,
        creator: 0,
        stack_bytes: 0,
    };
    let Some(thread) = threads::reserve(origin) else {
        drop(busy);
        Thread::pass_by();
        return None;
    };
    thread.note_handle();
    threads::run(thread, rustix::thread::gettid().as_raw_nonzero().get());
    let here = core::ptr::from_ref(&busy) as usize;
    let (low, high) = stack_bounds::of_stack_around(here).unwrap_or_default();
    thread.begin_on_stack(low, high);
    hear_of_end(thread);
    drop(busy);
    thread.begin();
    Some(thread)
}

fn hear_of_end(thread: &Thread) {
    let key = KEY.load(Ordering::Relaxed);
    if key != NO_KEY {
        // SAFETY: the key was made by `make_key`. Keys below 32 need no memory; a failure only means that the thread's end
        // is noticed by the kernel's list instead.
        let _noticed_otherwise =
            unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(thread).cast::<c_void>()) };
    }
}

/// The key's destructor: runs in the ending thread.
unsafe extern "C" fn ends(record: *mut c_void) {
    // SAFETY: only `hear_of_end` sets the key, to a record, and records are never given back.
    let thread = unsafe { &*record.cast::<Thread>() };
    // A handler that was cancelled inside of a fork has not come back to it.
    fork::end_left_fork();
    if thread.next_round() < LAST_ROUND {
        hear_of_end(thread);
        return;
    }
    let _errno = KeepErrno::as_it_is();
    let busy = Busy::from_here();
    fork::notice_new_process(thread);
    report::leaked_locks(thread);
    counts::add_own_forks();
    counts::add_dropped_locks(thread);
    drop(busy);
    // First of all, or a signal handler would use a record that is another thread's by then.
    Thread::pass_by();
    threads::end(thread);
}
