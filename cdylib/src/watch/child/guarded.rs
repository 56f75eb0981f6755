//! A forked child calls into a library that does not work after fork. Relaxed throughout: the only word shared by threads means a
//! finding that repeats, at worst.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::guarded_libraries::{MAKES_ANEW, matches};
use forkwatch_schema::kind::Severity;

use super::audited::{is_in_python_fork, settle};
use super::finding::in_child;
use super::reporter::ChildReporter;
use super::site::Site;
use crate::record;
use crate::record::child_call::ChildCall;
use crate::snapshot::{alive, names};
use crate::state::redirects::{self, Library};
use crate::state::stack_cache::Caller;
use crate::state::thread::{Busy, Thread};
use crate::state::{counts, forked_child};
use crate::system::errno::KeepErrno;
use crate::verdict::{fork_record, lost_threads, parent, watched_calls};
use crate::watch::{new_process, this_thread};

/// The most libraries that are guarded.
const MAX: usize = 64;
/// Of each library: 1 once nothing more is to be said about it.
static SETTLED: [AtomicU8; MAX] = [const { AtomicU8::new(0) }; MAX];

/// Whether nothing more is to be said about the library of this number.
fn is_settled(library: usize) -> bool {
    let settled = SETTLED.get(library);
    settled.is_none_or(|settled| settled.load(Ordering::Relaxed) != 0)
}

/// A call of this function of the library of this number, through the entry of this number.
pub fn is_called(number: usize, library: usize, caller: Caller) {
    if is_settled(library) || !forked_child::parent_had_threads() {
        settle(number);
        return;
    }
    if let Some(thread) = this_thread::record() {
        look_at(thread, library, caller);
    }
}

/// The program calls the function at this address by way of another, `ffi_call`; `caller` is told its name.
pub fn is_passed(function: usize, caller: impl FnOnce(&'static &'static str) -> Caller) {
    /// The last functions whose calls do not count: to look up a name takes long.
    static OTHERS: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];
    let Some(library) = redirects::passed_to(function) else {
        return;
    };
    let other = OTHERS.get(function / 16 % OTHERS.len());
    let is_other = other.is_some_and(|other| other.load(Ordering::Relaxed) == function);
    if is_other || is_settled(library) || !forked_child::parent_had_threads() {
        return;
    }
    let Some(thread) = this_thread::record() else { return };
    let Some(name) = name_of(thread, library, function) else {
        if let Some(other) = other {
            other.store(function, Ordering::Relaxed);
        }
        return;
    };
    look_at(thread, library, caller(name));
}

/// The name of a function whose calls count.
fn name_of(thread: &'static Thread, library: usize, function: usize) -> Option<&'static &'static str> {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    if !new_process::may_report(thread) {
        return None;
    }
    let name = names::resolver()?.name_of_function(function);
    redirects::counted(library, name.as_deref().unwrap_or("a function"))
}

/// The program has looked up the function of this name: the address of an entry that shows its calls, if it is one of a guarded
/// library's, else the same address. If a library was loaded since the fork, its calls are shown from now on.
pub fn is_found(function: usize, name: &CStr) -> usize {
    let Some(thread) = this_thread::record().filter(|_| forked_child::parent_had_threads()) else {
        return function;
    };
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    if !new_process::may_report(thread) {
        return function;
    }
    if alive::is_alone() {
        redirects::renew(watched_calls::symbols());
    }
    redirects::entry_for(function, name).unwrap_or(function)
}

#[cold]
#[inline(never)]
fn look_at(thread: &'static Thread, number: usize, caller: Caller) {
    let _errno = KeepErrno::save();
    if is_in_python_fork(caller) {
        return;
    }
    let site = Site::of(caller);
    in_child(thread, &site, |reporter| {
        let Some(library) = redirects::library(number) else {
            return;
        };
        if let Some(settled) = SETTLED.get(number) {
            settled.store(1, Ordering::Relaxed);
        }
        if !MAKES_ANEW.iter().any(|glob| matches(glob, caller.function)) {
            examine(reporter, &library, caller.function);
        }
    });
}

fn examine(reporter: &mut ChildReporter, library: &Library, function: &'static str) {
    let Some(mut resolver) = names::resolver() else { return };
    if parent::all_lost_threads_are_harmless(reporter.lock, &mut resolver) {
        counts::SUPPRESSED.add();
        return;
    }
    if !library.is_users && !has_lost_thread(reporter, library, &resolver) {
        return;
    }
    let severity = if library.is_users {
        Severity::Error
    } else {
        Severity::Warn
    };
    let call = ChildCall::read(function, reporter.stack, &mut resolver);
    let content = record::call::guarded_call(severity, library.path.clone(), call);
    reporter.report(content, fork_record::newest_number());
}

/// Whether the fork lost a thread that this library had started.
fn has_lost_thread(reporter: &ChildReporter, library: &Library, resolver: &Resolver) -> bool {
    lost_threads::started_in(reporter.lock, &library.range, resolver)
}
