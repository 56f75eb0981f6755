//! A forked child: how it begins, and how it catches up with its fork.
//!
//! A child that does nothing of interest pays for nothing: the threads it lost and the locks it inherited are looked up in its
//! copy of our tables when they are first needed ([`catch_up`]). That must happen while the child has one thread.
#![expect(unsafe_code, reason = "this thread is the only one")]

use core::sync::atomic::{AtomicBool, Ordering};

use super::reporting::{self, FORKS};
use crate::snapshot::alive::Alive;
use crate::snapshot::fork_snapshot;
use crate::snapshot::place::PlaceVerdict;
use crate::state::redirects::{self, Sets};
use crate::state::report_lock::ReportLock;
use crate::state::thread::{Busy, Thread};
use crate::state::threads::Life;
use crate::state::{counts, forked_child, orphans, takers, threads};
use crate::system::errno::KeepErrno;
use crate::system::{allocator, process};
use crate::verdict::fork_record::{self, ForkRecord};
use crate::verdict::{fork_findings, reported};

/// This process is a child that has not yet caught up with its own fork, and no other thread was changing our state at the copy.
/// Relaxed, as the next: changed while the child has one thread.
#[unsafe(link_section = ".data.forkwatch_fork")]
static IS_BEHIND: AtomicBool = AtomicBool::new(false);
/// At the fork, another thread seemed to hold a lock, and those locks are not looked up yet. Relaxed: as above.
#[unsafe(link_section = ".data.forkwatch_fork")]
static HAS_HOLDERS: AtomicBool = AtomicBool::new(false);

/// In a child whose parent had other threads. Where there is no fork record, they had all ended before the copy.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn begin(thread: &'static Thread, fork: Option<Box<ForkRecord>>) {
    IS_BEHIND.store(true, Ordering::Relaxed);
    let Some(fork) = fork else {
        begin_alone(thread);
        return;
    };
    forked_child::note_parent_had_threads();
    forked_child::note_settled(fork.settled.is_some());
    if redirects::is_ready() && fork.origin.known != Some(PlaceVerdict::ExecBound) {
        redirects::apply(Sets::ALL);
    }
    if fork.origin.has_holders {
        HAS_HOLDERS.store(true, Ordering::Relaxed);
    }
    // SAFETY: this is the only thread.
    unsafe { fork_record::begin(fork) };
    watch_all_calls(thread);
}

/// In a child whose parent had no other thread: it is watched if it held a lock at the fork.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn begin_alone(thread: &'static Thread) {
    if !thread.held.is_empty() {
        watch_all_calls(thread);
    }
    if redirects::is_ready() {
        redirects::apply(Sets::DESCRIPTORS);
    }
}

#[unsafe(link_section = ".text.forkwatch_child")]
pub(super) fn watch_all_calls(thread: &'static Thread) {
    forked_child::watch();
    thread.leave_hot_path();
    if !thread.held.is_empty() {
        takers::begin_child(thread);
        thread.held.inherit();
    }
}

/// In a child that may have been copied while another thread was changing our state: it reports nothing.
pub fn begin_mute(thread: &'static Thread) {
    forked_child::note_parent_had_threads();
    start_over(thread, false);
}

/// Catches up with the fork, if this process is a child that has not: our state still belongs to the parent. Called with the
/// thread busy, wherever our state is about to be used.
pub fn catch_up(thread: &'static Thread) {
    if process::owns_state() {
        return;
    }
    // At a fork that passed every hook, another thread may have been changing our state.
    let is_whole = IS_BEHIND.swap(false, Ordering::Relaxed)
        || threads::all()
            .filter(|(life, _, _)| matches!(life, Life::Running | Life::Starting))
            .nth(1)
            .is_none();
    if is_whole {
        start_over(thread, true);
    } else {
        begin_mute(thread);
    }
}

/// Makes sure that the orphans are known before the first lock changes.
pub fn catch_up_with_locks(thread: &'static Thread) {
    if HAS_HOLDERS.load(Ordering::Relaxed) {
        let _errno = KeepErrno::save();
        let _busy = Busy::from_here();
        catch_up(thread);
    }
}

/// Whether this process may report anything; prepares for it. The thread is busy.
pub fn may_report(thread: &'static Thread) -> bool {
    catch_up(thread);
    !reporting::is_mute()
}

/// This process is a child now. `is_whole` says that no other thread of the parent was changing our state at the copy.
fn start_over(thread: &'static Thread, is_whole: bool) {
    FORKS.forget_in_child();
    // SAFETY: this is the only thread, and no caller of this function holds the lock.
    let mut lock = unsafe { ReportLock::is_held() };
    if is_whole {
        allocator::forget_in_child();
        look_up_inherited(thread);
    } else {
        reporting::become_mute();
    }
    // The fork under way belongs to the parent, and the heap may be half-changed: leak a few bytes rather than touch it.
    core::mem::forget(FORKS.take(&mut lock));
    process::claim_state();
    counts::reset();
    if is_whole {
        reported::reset(&mut lock);
        fork_findings::reset(&mut lock);
    }
    let _forks_of_the_parent = Thread::take_forks();
    threads::only_this_remains(thread, rustix::thread::gettid().as_raw_nonzero().get());
}

/// Looks up what this child inherited from the threads that it lost.
fn look_up_inherited(thread: &'static Thread) {
    orphans::reset();
    HAS_HOLDERS.store(false, Ordering::Relaxed);
    let number = fork_record::newest_number();
    // SAFETY: a process that catches up has one thread.
    unsafe { fork_record::settle(|fork| inherit(thread, number, fork)) };
}

fn inherit(thread: &'static Thread, number: usize, fork: &mut ForkRecord) {
    let lost: Vec<_> = threads::all()
        .filter(|(life, _, other)| *life == Life::Running && !core::ptr::eq(*other, thread))
        .map(|(_, tid, thread)| Alive {
            tid,
            thread: Some(thread),
        })
        .collect();
    let inherited = fork_snapshot::take_inherited(fork.origin, &lost);
    let by_hooks = inherited.locks.iter().map(|lock| (lock.entry, lock.owner));
    let by_python = fork
        .python_locks
        .iter()
        .map(|(held, owner)| (fork_snapshot::entry_of(held), *owner));
    for (entry, owner) in by_hooks.chain(by_python) {
        if !orphans::add(entry, owner, number) {
            break;
        }
    }
    fork.inherited = Some(inherited);
}
