//! Times the at-fork handlers of other libraries: one that takes over a second is reported when it ends, or when it waits in a call
//! that passes a hook.
//!
//! libc calls a handler without arguments, so each handler gets an entry of its own, which knows its number. Once the entries
//! are used up, libc calls further handlers directly, and they are not timed.
#![expect(unsafe_code, reason = "calling the libraries' handlers")]

use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_schema::record::Phase;

use super::fork::handlers::Handler;
use super::{handler_call, new_process, report, reporting, this_thread};
use crate::record;
use crate::state::sandbox;
use crate::state::thread::{Busy, Thread};
use crate::system::clock;
use crate::system::errno::KeepErrno;
use crate::system::numbered_entries::{self, ENTRIES};

/// A handler that takes this many milliseconds is slow.
const SLOW: u64 = 1000;

/// The handler of each entry; 0 where an entry is free.
static HANDLERS: [AtomicUsize; ENTRIES] = [const { AtomicUsize::new(0) }; ENTRIES];
/// When each runs: the [`Phase`]'s number plus one; 0 while that is not known.
static PHASES: [AtomicUsize; ENTRIES] = [const { AtomicUsize::new(0) }; ENTRIES];

/// The handler to register in place of this one.
pub fn timed(phase: Phase, handler: Option<Handler>) -> Option<Handler> {
    let handler = handler?;
    let address = handler as usize;
    // Each Release store and exchange pairs with an Acquire load here or in `run`, so that a handler is found with everything
    // written for it; one whose phase is not written yet is taken for a different handler.
    for (number, (place, its_phase)) in HANDLERS.iter().zip(&PHASES).enumerate() {
        let taken = place.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire);
        if taken.is_ok() {
            its_phase.store(phase as usize + 1, Ordering::Release);
        } else if taken != Err(address) || its_phase.load(Ordering::Acquire) != phase as usize + 1 {
            continue;
        }
        let entry = numbered_entries::entry(number, run)?;
        // SAFETY: an entry is a function without arguments, as a handler is.
        return Some(unsafe { core::mem::transmute::<usize, Handler>(entry) });
    }
    Some(handler)
}

/// Runs the handler of this entry.
extern "C-unwind" fn run(number: usize) {
    // Acquire, also below: pairs with `timed`.
    let address = HANDLERS.get(number).map_or(0, |place| place.load(Ordering::Acquire));
    if address == 0 {
        return;
    }
    // SAFETY: the address is that of a handler that its library registered and has not withdrawn.
    let handler = unsafe { core::mem::transmute::<usize, unsafe extern "C-unwind" fn()>(address) };
    if sandbox::is_shut() {
        // SAFETY: libc's own call.
        return unsafe { handler() };
    }
    let phase = match PHASES.get(number).map_or(0, |phase| phase.load(Ordering::Acquire)) {
        1 => Phase::Prepare,
        2 => Phase::Parent,
        _ => Phase::Child,
    };
    let thread = Thread::current().filter(|_| phase != Phase::Child);
    if let Some(thread) = thread {
        handler_call::begin(thread, address, phase, core::ptr::from_ref(&address) as usize);
    }
    let before = clock::milliseconds();
    // SAFETY: as above.
    unsafe { handler() };
    let took = clock::milliseconds().saturating_sub(before);
    if let Some(thread) = thread {
        handler_call::end(thread);
    }
    if took >= SLOW {
        was_slow(address, phase, took);
    }
}

#[cold]
fn was_slow(handler: usize, phase: Phase, milliseconds: u64) {
    let Some(thread) = this_thread::record() else { return };
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    if !new_process::may_report(thread) {
        return;
    }
    reporting::with_lock(|_| {
        report::finding(record::slow_handler::content(handler, phase, milliseconds));
    });
}
