//! A forked child: what it inherited, and which of its calls never return.
//!
//! | file | its part |
//! |---|---|
//! | `call` | before a call that takes a lock: an orphan, or nobody who could release it? |
//! | `wait` | before a wait that takes no lock: condition variables, barriers, futexes |
//! | `attempt` | tries in vain of CPython's |
//! | `python_lock` | waits for locks of CPython's that pass no hook |
//! | `site` | where such a call stands |
//! | `finding` | what there is to tell, and stopping the child |
//! | `teller` | how it is told: the story of the fork first where the parent kept silent |
//! | `outcome` | what became of the child of a reported fork |
//!
//! A child that does nothing of all this pays for nothing: what it lost and inherited is looked up in its copy of our tables
//! when it is needed first ([`settle`]).
#![expect(unsafe_code, reason = "the stories of this process's forks")]

mod attempt;
mod call;
mod finding;
mod outcome;
mod python_lock;
mod site;
mod teller;
mod wait;

use core::sync::atomic::{AtomicBool, Ordering};

pub use self::call::{Wait, before_call, fails_to_release, forget};
pub use self::finding::creates_thread;
pub use self::outcome::{Program, ends, executes};
pub use self::wait::{barrier, condition, futex};
use super::fork;
use super::story::{self, Story};
use crate::snapshot::alive::Alive;
use crate::snapshot::moment;
use crate::state::descent;
use crate::state::thread::{Busy, Thread};
use crate::state::threads::Life;
use crate::state::{orphans, threads};
use crate::system::errno::KeepErrno;

/// Another thread seemed to hold a lock at a fork whose locks are not looked up yet. Relaxed: changed while the child has one thread.
#[unsafe(link_section = ".data.forkwatch_fork")]
static HAS_HOLDERS: AtomicBool = AtomicBool::new(false);

/// In a child whose parent had other threads. Without a story they all ended in time.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn begins(thread: &'static Thread, story: Option<Box<Story>>) {
    let Some(story) = story else {
        begins_alone(thread);
        return;
    };
    descent::note_threads();
    if story.origin.has_holders {
        HAS_HOLDERS.store(true, Ordering::Relaxed);
    }
    // SAFETY: this is the only thread.
    unsafe { story::begin(story) };
    watch_all_calls(thread);
}

/// In a child whose parent had no other thread: watched where it came out of the fork with a lock in hand.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn begins_alone(thread: &'static Thread) {
    if !thread.held.is_empty() {
        watch_all_calls(thread);
    }
}

#[unsafe(link_section = ".text.forkwatch_child")]
fn watch_all_calls(thread: &'static Thread) {
    descent::watch();
    thread.leave_hot_path();
    thread.held.inherit();
}

/// Looks up what this child inherited from the threads that it lost. Called once, when it catches up with its own fork.
pub fn settle(thread: &'static Thread) {
    orphans::begin_anew();
    HAS_HOLDERS.store(false, Ordering::Relaxed);
    let number = story::newest_number();
    // SAFETY: a process that catches up has one thread.
    unsafe { story::settle(|story| inherit(thread, number, story)) };
}

fn inherit(thread: &'static Thread, number: usize, story: &mut Story) {
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
