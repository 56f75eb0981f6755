//! A forked child calls a function that is not async-signal-safe, and the user asked for such calls.
//!
//! Each function is reported once in a process. A child that runs Python code calls hundreds of them whatever it does, so there the
//! first call is the finding, and the rest is not looked at. Relaxed throughout: each word stands for itself, and a lost count means
//! one look more.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use forkwatch_process::call_site::{self, Call};
use forkwatch_process::memory::ProcessMemory;

use super::finding::in_child;
use super::reporter::ChildReporter;
use super::site::Site;
use crate::config;
use crate::record;
use crate::record::child_call::ChildCall;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::snapshot::{alive, names};
use crate::state::depot;
use crate::state::redirects;
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::state::unwind::{self, Reach};
use crate::state::{counts, forked_child};
use crate::system::errno::KeepErrno;
use crate::system::python;
use crate::system::redirected_entries::ENTRIES;
use crate::verdict::{fork_record, parent, reported};
use crate::watch::this_thread;

/// A function whose calls were suppressed so often is not looked at any more.
const ENOUGH: u8 = 64;
/// Nothing more is to be said about an entry's function.
const SETTLED: u8 = u8::MAX;

/// How often each entry's function was looked at without a report.
#[expect(
    unsafe_code,
    reason = "not among the zeros, which lie in the page that each fork copies"
)]
#[unsafe(link_section = ".forkwatch_redirected")]
static LOOKS: [AtomicU8; ENTRIES] = [const { AtomicU8::new(0) }; ENTRIES];
/// Nothing more is to be said about this process.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Whether nothing more is to be said about calls through this entry.
pub fn is_settled(number: usize) -> bool {
    LOOKS
        .get(number)
        .is_none_or(|looks| looks.load(Ordering::Relaxed) == SETTLED)
}

/// Nothing more is to be said about calls through this entry.
pub fn settle(number: usize) {
    if let Some(looks) = LOOKS.get(number) {
        looks.store(SETTLED, Ordering::Relaxed);
    }
}

/// A call of this function, through the entry of this number.
pub fn is_called(number: usize, caller: Caller) {
    if IS_OVER.load(Ordering::Relaxed) || !forked_child::parent_had_threads() {
        return;
    }
    if let Some(thread) = this_thread::record() {
        look_at(thread, number, caller);
    }
}

#[cold]
#[inline(never)]
fn look_at(thread: &'static Thread, number: usize, caller: Caller) {
    let _errno = KeepErrno::save();
    if is_in_python_fork(caller) {
        return;
    }
    let site = Site::of(caller);
    in_child(thread, &site, |reporter| examine(reporter, number, caller.function));
    // What the functions registered for the end call is part of `exit`.
    if *caller.function == "exit" {
        IS_OVER.store(true, Ordering::Relaxed);
    }
    if IS_OVER.load(Ordering::Relaxed) && alive::is_alone() {
        redirects::undo_audited();
    }
}

/// Whether CPython has not returned from its own function that forks: there it makes its state anew, and runs what was registered for
/// that in Python. It may have left the function for that by a jump; then the call of it is still the newest one.
pub fn is_in_python_fork(caller: Caller) -> bool {
    /// The frames of its handlers.
    const DEEP: usize = 64;
    if python::found().is_none() {
        return false;
    }
    let after_fork = python::after_fork();
    let _busy = Busy::from_here();
    let walked = unwind::walk_from(caller.stack_pointer, DEEP, Reach::Anywhere);
    let is_called = |frame: usize| {
        let call = call_site::call_before(ProcessMemory::own(), frame, after_fork.start);
        after_fork.contains(&frame) || call == Some(Call::Direct)
    };
    walked.frames().iter().any(|frame| is_called(*frame))
}

fn examine(reporter: &mut ChildReporter, number: usize, function: &'static str) {
    let place = Place::of_call(reporter.stack, u64::MAX - 1 - number as u64);
    if reported::verdict(reporter.lock, place).is_some() {
        counts::SUPPRESSED.add();
        look_less(number);
        return;
    }
    let Some(mut resolver) = names::resolver() else { return };
    if parent::all_lost_threads_are_harmless(reporter.lock, &mut resolver) {
        counts::SUPPRESSED.add();
        IS_OVER.store(true, Ordering::Relaxed);
        return;
    }
    let first = depot::frames(reporter.stack).first();
    let library = first.and_then(|address| Some(resolver.modules().find(address.wrapping_sub(1))?.base_name()));
    let call = ChildCall::read(function, reporter.stack, &mut resolver);
    if call.python_stack.as_ref().is_some_and(|stack| !stack.is_empty()) {
        IS_OVER.store(true, Ordering::Relaxed);
    }
    if reporter.report(record::call::unsafe_call(library, call), fork_record::newest_number()) {
        if !config::get().repeat_all {
            settle(number);
        }
    } else {
        reported::remember(reporter.lock, place, PlaceVerdict::Suppressed);
        look_less(number);
    }
}

fn look_less(number: usize) {
    let Some(looks) = LOOKS.get(number) else { return };
    let count = looks.load(Ordering::Relaxed) + 1;
    looks.store(if count >= ENOUGH { SETTLED } else { count }, Ordering::Relaxed);
}
