//! A forked child: what it inherited, and which of its calls never return.
//!
//! | file | its part |
//! |---|---|
//! | `call` | before a call that takes a lock: an orphan, or nobody who could release it? |
//! | `wait` | before a wait that takes no lock: condition variables, futexes |
//! | `attempt` | tries in vain of CPython's |
//! | `python_lock` | waits for locks of CPython's that pass no hook |
//! | `site` | where such a call stands |
//! | `finding` | telling it, the story of the fork first where the parent kept silent, and stopping the child |
//! | `outcome` | what became of the child of a reported fork |
//!
//! A child that does nothing of all this pays for nothing: what it lost and inherited is looked up in its copy of our tables
//! when it is needed first ([`settle`]).
#![expect(unsafe_code, reason = "the story of this process's forks")]

mod attempt;
mod call;
mod finding;
mod outcome;
mod python_lock;
mod site;
mod wait;

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

pub use self::call::{Wait, before_call, before_cold_call, fails_to_release, forget};
pub use self::finding::creates_thread;
pub use self::outcome::{Program, ends, executes};
pub use self::wait::{condition, futex};
use super::fork;
use crate::snapshot::alive::Alive;
use crate::snapshot::moment::{self, Moment};
use crate::snapshot::origin::Origin;
use crate::snapshot::python::Held;
use crate::state::descent::{self, Descent};
use crate::state::thread::{Busy, Thread};
use crate::state::threads::Life;
use crate::state::{orphans, threads};
use crate::system::errno::KeepErrno;
use crate::system::process;

/// The most forks with other threads in one line of descent that are remembered apart.
const MOST_STORIES: usize = 16;

/// What a child comes out of a fork beside other threads with.
#[derive(Debug)]
pub struct Inheritance {
    /// The fork.
    pub origin: Origin,
    /// What the parent saw, where it had something new to tell.
    pub seen: Option<Moment>,
    /// The locks of CPython's that pass no hook, with their holders' ids.
    pub python_locks: Vec<(Held, i32)>,
}

/// How this process, or one that it descends from, was forked beside other threads.
#[derive(Debug)]
struct Story {
    origin: Origin,
    /// The child itself, not one of its own children.
    child: i32,
    /// What the parent saw, where it had something new to tell.
    seen: Option<Moment>,
    /// The locks of CPython's that pass no hook, with their holders' ids.
    python_locks: Vec<(Held, i32)>,
    /// What the tables say that were copied.
    inherited: Option<Moment>,
    /// Whether the parent's record tells of the fork; `None` while nobody asked.
    told: Option<bool>,
}

struct Stories(UnsafeCell<Vec<Story>>);

// SAFETY: written while the child has one thread, or by the holder of the lock on all telling.
unsafe impl Sync for Stories {}

static STORIES: Stories = Stories(UnsafeCell::new(Vec::new()));
/// Another thread seemed to hold a lock at a fork whose locks are not looked up yet.
static HAS_HOLDERS: AtomicBool = AtomicBool::new(false);

/// The stories, newest last.
///
/// # Safety
/// The caller is the only thread of a child, or holds the lock on all telling.
unsafe fn stories() -> &'static mut Vec<Story> {
    // SAFETY: the caller's promise.
    unsafe { &mut *STORIES.0.get() }
}

/// In a child whose parent had other threads. Where it inherits nothing, they all ended in time.
pub fn begins(thread: &'static Thread, inheritance: Option<Inheritance>) {
    let Some(inheritance) = inheritance else {
        begins_alone(thread);
        return;
    };
    let Inheritance {
        origin,
        seen,
        python_locks,
    } = inheritance;
    Descent::OfThreads.note();
    HAS_HOLDERS.fetch_or(origin.has_holders, Ordering::Relaxed);
    // SAFETY: this is the only thread.
    let stories = unsafe { stories() };
    stories.truncate(MOST_STORIES - 1);
    stories.push(Story {
        origin,
        child: process::id(),
        seen,
        python_locks,
        inherited: None,
        told: None,
    });
    watch_all_calls(thread);
}

/// In a child whose parent had no other thread: watched where it came out of the fork with a lock in hand.
pub fn begins_alone(thread: &'static Thread) {
    Descent::OfLone.note();
    if !thread.held.is_empty() {
        watch_all_calls(thread);
    }
}

fn watch_all_calls(thread: &'static Thread) {
    descent::watch();
    thread.leave_hot_path();
    thread.held.inherit();
}

/// Looks up what this child inherited from the threads that it lost. Called once, when it catches up with its own fork.
pub fn settle(thread: &'static Thread) {
    orphans::begin_anew();
    HAS_HOLDERS.store(false, Ordering::Relaxed);
    // SAFETY: a process that catches up has one thread.
    let stories = unsafe { stories() };
    let number = stories.len().saturating_sub(1);
    let Some(story) = stories.last_mut() else { return };
    if story.inherited.is_some() {
        return;
    }
    let lost: Vec<_> = threads::all()
        .filter(|(life, _, other)| *life == Life::Running && !core::ptr::eq(*other, thread))
        .map(|(_, tid, thread)| Alive {
            tid,
            thread: Some(thread),
        })
        .collect();
    let inherited = moment::take_inherited(story.origin, &lost);
    let by_hooks = inherited.locks.iter().map(|lock| (lock.entry, lock.owner));
    let by_python = story
        .python_locks
        .iter()
        .map(|(held, owner)| (moment::entry_of(held), *owner));
    for (entry, owner) in by_hooks.chain(by_python) {
        if !orphans::add(entry, owner, number) {
            break;
        }
    }
    story.inherited = Some(inherited);
}

/// Makes sure that the orphans are known before the first lock changes.
fn catch_up(thread: &'static Thread) {
    if HAS_HOLDERS.load(Ordering::Relaxed) {
        let _errno = KeepErrno::as_it_is();
        let _busy = Busy::from_here();
        fork::notice_new_process(thread);
    }
}

/// Whether a call may be one that never returns, because this process is a forked child.
pub fn is_watched() -> bool {
    descent::is_watched()
}

/// The number of the fork that made this process, or one that it descends from.
fn newest_story() -> usize {
    // SAFETY: only looked at; the list grows while the process has one thread.
    unsafe { stories() }.len().saturating_sub(1)
}

/// The id of the lost thread with this `pthread_t`; 0 where there is none.
fn lost_with(handle: usize) -> i32 {
    // SAFETY: only looked at; the list grows while the process has one thread.
    let inherited = unsafe { stories() }.last().and_then(|story| story.inherited.as_ref());
    let mut lost = inherited.into_iter().flat_map(|moment| &moment.threads);
    lost.find(|thread| thread.handle == handle && handle != 0)
        .map_or(0, |thread| thread.tid)
}

/// What a thread of the parent is called, as far as that can still be told.
fn name_of_lost(story: Option<&Story>, tid: i32) -> Option<Vec<u8>> {
    let named = |moment: &Moment| {
        let thread = moment.threads.iter().find(|thread| thread.tid == tid)?;
        (!thread.name.is_empty()).then(|| thread.name.clone())
    };
    let story = story?;
    story
        .seen
        .as_ref()
        .and_then(named)
        .or_else(|| crate::system::task::name_in(story.origin.process, tid))
}
