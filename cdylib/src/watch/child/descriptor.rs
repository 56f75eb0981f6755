//! A forked child uses a descriptor that it inherited: does its parent wait on it, or use it too?
//!
//! Each look costs a few system calls, so a descriptor is looked at only at its first use, its second, its fourth and so on, until
//! it is known to be the child's own or harmless. First come questions that need no memory.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::PythonFrame;
use rustix::fs::FileType;
use rustix::thread::{Timespec, nanosleep};

use super::finding::in_child;
use super::reporter::ChildReporter;
use super::site::Site;
use crate::config;
use crate::record;
use crate::record::child_call::ChildCall;
use crate::snapshot::parent_waits::{self, Waiter};
use crate::snapshot::{names, python as frames};
use crate::state::descriptors;
use crate::state::sandbox;
use crate::state::stack_cache::Caller;
use crate::system::descriptor::{self, Type};
use crate::system::errno::KeepErrno;
use crate::system::python as interpreter;
use crate::system::redirected_entries::Redirected;
use crate::system::task;
use crate::verdict::fork_record;
use crate::verdict::shared_descriptor::{Facts, Use, Verdict, Waiting, judge};
use crate::verdict::watched_calls::{WATCHED_CALLS, WatchedCall};
use crate::watch::this_thread;

/// Standard input, output and error are there to be shared.
const FIRST: i32 = 3;
/// The most threads of the parent that a record shows.
const MAX_SHOWN: usize = 4;

/// A redirected call, before it is made.
pub fn is_called(redirected: Redirected) {
    let Some(call) = WATCHED_CALLS.get(redirected.number) else {
        return;
    };
    let [first, _] = redirected.arguments;
    let [a, b, c, d, ..] = first.to_ne_bytes();
    let fd = i32::from_ne_bytes([a, b, c, d]);
    if fd < FIRST
        || sandbox::is_shut()
        || sandbox::is_filtered()
        || !descriptors::is_to_be_looked_at(fd, call.does == Use::Changes)
    {
        return;
    }
    let caller = Caller {
        return_address: redirected.return_address,
        stack_pointer: redirected.stack_pointer,
        function: &call.name,
    };
    look_at(call, fd, caller);
}

#[cold]
#[inline(never)]
fn look_at(call: &'static WatchedCall, fd: i32, caller: Caller) {
    let Some(thread) = this_thread::record() else { return };
    let _errno = KeepErrno::save();
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    let is_worth_it = match descriptor::file_type(fd) {
        Some(FileType::RegularFile) => call.does == Use::Writes && descriptor::is_locked_by(parent, fd),
        Some(FileType::Fifo | FileType::Socket | FileType::Unknown) => {
            let is_shared = descriptor::is_same_as(parent, fd, fd) != Some(false);
            if !is_shared {
                descriptors::settle(fd);
            }
            is_shared
        }
        Some(_) => {
            descriptors::settle(fd);
            false
        }
        None => false,
    };
    if !is_worth_it {
        return;
    }
    let site = Site::of(caller);
    in_child(thread, &site, |reporter| {
        examine(reporter, call, fd, parent, caller.return_address);
    });
}

fn examine(reporter: &mut ChildReporter, call: &'static WatchedCall, fd: i32, parent: i32, return_address: usize) {
    let Some(is) = descriptor::type_in(crate::system::process::id(), fd) else {
        return;
    };
    if !is_open_in(parent, fd, is) {
        descriptors::settle(fd);
        return;
    }
    let fork = fork_record::newest(reporter.lock).filter(|fork| fork.origin.process == parent);
    let forking = fork.map_or(parent, |fork| fork.origin.thread);
    let python = if config::get().python {
        frames::current_stack(MAX_SHOWN)
    } else {
        None
    };
    let python = python.as_deref().unwrap_or_default();
    let wakes = wakes(python) || descriptor::is_nonblocking(fd) && frames::is_its_code(return_address);
    let waiting = || parent_waits::waiters(parent, fork.and_then(|fork| fork.seen.as_ref()));
    let mut waiters = waiting();
    let is_awaited = |waiter: &Waiter| waits_here(waiter, parent, fd) || waits_at_other_end(waiter, parent, fd, is);
    // A parent that has just sent a signal, or has forked, is on its way back to its loop.
    if wakes && !waiters.iter().any(is_awaited) && stays_open(parent, forking, fd, is) {
        waiters = waiting();
    }
    let at =
        |place: &dyn Fn(&Waiter) -> bool| -> Vec<&Waiter> { waiters.iter().filter(|waiter| place(waiter)).collect() };
    let here = at(&|waiter| waits_here(waiter, parent, fd));
    let at_other_end = at(&|waiter| waits_at_other_end(waiter, parent, fd, is));
    let facts = Facts {
        is,
        does: call.does,
        here: who(&here, forking),
        at_other_end: who(&at_other_end, forking),
        is_connection: descriptors::is_connected(fd) && descriptor::is_stream(fd) && descriptor::has_named_peer(fd),
        is_locked: is == Type::File,
        talks: talks(python) || may_talk_unseen(fd),
        wakes,
    };
    let verdict = judge(&facts);
    let kind = match verdict {
        Verdict::Harmless => return descriptors::settle(fd),
        Verdict::NotYet => return,
        Verdict::Wakeup => Kind::SharedWakeup,
        Verdict::Shared => Kind::SharedFd,
    };
    let may_be_closed = matches!(is, Type::Pipe(_) | Type::Socket(_));
    if may_be_closed && !facts.wakes && !stays_open(parent, forking, fd, is) {
        return;
    }
    descriptors::settle(fd);
    let Some(mut resolver) = names::resolver() else { return };
    let waiting: Vec<&Waiter> = here.into_iter().chain(at_other_end).collect();
    let mut tids: Vec<i32> = waiting.iter().map(|waiter| waiter.tid).collect();
    tids.dedup();
    let shown = waiting.iter().take(MAX_SHOWN);
    let threads = shown
        .map(|waiter| record::shared_descriptor::thread(reporter.lock, waiter, parent, &mut resolver))
        .collect();
    let child = ChildCall::read(call.name, reporter.stack, &mut resolver);
    let content = record::shared_descriptor::content(kind, fd, is.name(), tids, threads, child);
    reporter.report(content, fork_record::newest_number());
}

/// Whether the parent has this very descriptor open. Where the kernel does not say so of all kinds, it does of some.
fn is_open_in(parent: i32, fd: i32, is: Type) -> bool {
    let by_number = || matches!(is, Type::Pipe(_) | Type::Socket(_)) && descriptor::type_in(parent, fd) == Some(is);
    descriptor::is_same_as(parent, fd, fd).unwrap_or_else(by_number)
}

fn who(waiters: &[&Waiter], forking: i32) -> Waiting {
    Waiting {
        forking: waiters.iter().any(|waiter| waiter.tid == forking),
        others: waiters.iter().any(|waiter| waiter.tid != forking),
    }
}

fn waits_here(waiter: &Waiter, parent: i32, fd: i32) -> bool {
    let is_it = |&other: &i32| other == fd || descriptor::is_same_as(parent, fd, other) == Some(true);
    waiter.descriptors.iter().any(is_it)
}

/// Whether a thread waits at the other end. A pair of sockets is made at once, so that their numbers follow each other. A thread
/// that does nothing but read what comes is one that somebody tells something, unless whoever writes must never wait: that is
/// how a wake-up is written.
fn waits_at_other_end(waiter: &Waiter, parent: i32, fd: i32, is: Type) -> bool {
    if waiter.only_reads() && !descriptor::is_nonblocking(fd) {
        return false;
    }
    let mut others = waiter.descriptors.iter().filter(|&&other| other != fd);
    others.any(|&other| match (is, descriptor::type_in(parent, other)) {
        (Type::Pipe(own), Some(Type::Pipe(its))) => own == its,
        (Type::Socket(own), Some(Type::Socket(its))) => own.abs_diff(its) == 1,
        _ => false,
    })
}

/// Waits briefly until the thread that forked sleeps, and says whether the parent still has the descriptor open then. Right after a
/// fork it may be about to close what is the child's.
fn stays_open(parent: i32, forking: i32, fd: i32, is: Type) -> bool {
    const NAP: Duration = Duration::from_millis(1);
    /// All that a process may wait. Right after a fork the parent may be busy with our own report.
    const MAX_NAPS: u32 = 500;
    // Relaxed: a count that need not be exact.
    static NAPS: AtomicU32 = AtomicU32::new(0);
    let mut before = false;
    loop {
        if !is_open_in(parent, fd, is) {
            return false;
        }
        let sleeps = task::sleeps_in(parent, forking).unwrap_or(true);
        if sleeps && before {
            return true;
        }
        if NAPS.fetch_add(1, Ordering::Relaxed) >= MAX_NAPS {
            return false;
        }
        before = sleeps;
        let nap = Timespec {
            tv_sec: 0,
            tv_nsec: NAP.subsec_nanos().into(),
        };
        let _early_is_fine = nanosleep(&nap);
    }
}

/// Whether this is code of Python libraries that passes messages between parent and child.
fn talks(python: &[PythonFrame]) -> bool {
    let files = [
        "/multiprocessing/connection.py",
        "/billiard/connection.py",
        "/billiard/queues.py",
    ];
    python
        .iter()
        .any(|frame| files.iter().any(|file| frame.file.ends_with(file)))
}

/// Whether Python code may pass messages by this descriptor, in an interpreter whose frames are not read. What must not wait is no such
/// descriptor.
fn may_talk_unseen(fd: i32) -> bool {
    let is_read = config::get().python && interpreter::found().is_some();
    !is_read && interpreter::is_there() && !descriptor::is_nonblocking(fd)
}

/// Whether this is code that wakes Python's event loop.
fn wakes(python: &[PythonFrame]) -> bool {
    let innermost = python.first();
    innermost.is_some_and(|frame| frame.function.ends_with("_write_to_self"))
}
