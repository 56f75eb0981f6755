//! A thread gets its record: as it begins, or when its first hook finds that it has none.
#![expect(unsafe_code, reason = "thread-specific data")]

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::snapshot::stack_bounds;
use crate::state::depot::NO_STACK;
use crate::state::thread::{Busy, Origin, Thread};
use crate::state::{sandbox, threads};
use crate::system::errno::KeepErrno;

const NO_KEY: u32 = u32::MAX;

/// What runs at a thread's end: gets its record, and never unwinds.
type Ends = unsafe extern "C" fn(*mut c_void);

/// The key whose destructor runs at a thread's end, however it ends. Relaxed: a number, which publishes no other data.
static KEY: AtomicU32 = AtomicU32::new(NO_KEY);
/// The destructor; null until stage one. Relaxed: a function's address.
static ENDS: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Makes the key. Called once, by stage one.
pub fn make_key(ends: Ends) {
    ENDS.store(ends as *mut c_void, Ordering::Relaxed);
    key();
}

/// The key, made now if it could not be made before: glibc before 2.34 may load its functions for threads later.
fn key() -> u32 {
    let known = KEY.load(Ordering::Relaxed);
    let ends = ENDS.load(Ordering::Relaxed);
    if known != NO_KEY || ends.is_null() {
        return known;
    }
    let mut key = NO_KEY;
    // SAFETY: only `make_key` writes the place, and a function of this type.
    let ends = unsafe { core::mem::transmute::<*mut c_void, Ends>(ends) };
    // SAFETY: `key` is ours to write, and the destructor is a function that never unwinds.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(ends)) } != 0 {
        return NO_KEY;
    }
    match KEY.compare_exchange(NO_KEY, key, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => key,
        Err(first) => {
            // SAFETY: the key was made just now, and nobody else knows it.
            unsafe { libc::pthread_key_delete(key) };
            first
        }
    }
}

/// Arranges for the key's destructor to run when the calling thread ends.
pub fn call_at_end(thread: &Thread) {
    let key = key();
    if key != NO_KEY {
        // SAFETY: the key was made by `key`. Keys below 32 need no memory; after a failure, the thread's end is noticed
        // through the kernel's list instead.
        let _noticed_otherwise =
            unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(thread).cast::<c_void>()) };
    }
}

/// A created thread begins: called in it, before the program's code. `here` is an address in the frame of the wrapper that
/// will call the program's start routine.
pub fn begin(thread: &'static Thread, here: usize) {
    // A signal handler that ran earlier may have adopted the thread; one that runs in between must not adopt it again.
    if let Some(adopted) = Thread::even_if_busy() {
        Thread::stop_following();
        threads::cancel(adopted);
    }
    Thread::stop_following();
    if sandbox::is_shut() {
        return;
    }
    thread.note_handle();
    threads::run(thread, rustix::thread::gettid().as_raw_nonzero().get());
    let bytes = thread.origin().map_or(0, |origin| origin.stack_bytes);
    // libc's own data lies above `here`, so the stack ends a little higher than this.
    let margin = (64 << 10).min(bytes / 4);
    thread.begin_on_stack(here.saturating_sub(bytes) + margin, here);
    call_at_end(thread);
    thread.begin();
}

/// Adopts this thread, if no hook has. Called after stage one.
pub fn adopt_if_unknown() {
    if Thread::is_unknown() {
        adopt(|| true);
    }
}

/// Adopts a thread whose creation was not seen: the first one, and those created without `pthread_create`. `stage_one` says
/// whether threads may be followed.
pub fn adopt(stage_one: impl FnOnce() -> bool) -> Option<&'static Thread> {
    let _errno = KeepErrno::save();
    // The hooks that this reaches must not adopt the thread again.
    let busy = Busy::from_here();
    if !stage_one() {
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
        Thread::stop_following();
        return None;
    };
    thread.note_handle();
    threads::run(thread, rustix::thread::gettid().as_raw_nonzero().get());
    let here = core::ptr::from_ref(&busy) as usize;
    let (low, high) = stack_bounds::of_stack_around(here).unwrap_or_default();
    thread.begin_on_stack(low, high);
    call_at_end(thread);
    drop(busy);
    thread.begin();
    Some(thread)
}
