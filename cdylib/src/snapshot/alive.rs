//! Which other threads are alive: the kernel's list is the truth, our records say what we know of each.

use rustix::thread::{Timespec, nanosleep};

use crate::state::thread::Thread;
use crate::state::threads::{self, Life};
use crate::system::{libc_threads, task};

/// A thread that was alive at the fork.
#[derive(Clone, Copy, Debug)]
pub struct Alive {
    /// The kernel's id.
    pub tid: i32,
    /// Its record; `None` where we never met it.
    pub thread: Option<&'static Thread>,
}

/// Whether this thread is the only one. libc says so without a system call as long as it never made another; otherwise the
/// kernel's count is the truth. Where `/proc` cannot be read, our own records answer.
pub fn is_alone() -> bool {
    if libc_threads::none_was_made() {
        return true;
    }
    match task::count() {
        Some(count) => count == 1,
        None => running().nth(1).is_none(),
    }
}

/// Every other thread that can still run code of the program's.
pub fn others(own: i32) -> Vec<Alive> {
    let starting = wait_for_starting_threads();
    let known: Vec<_> = running().collect();
    // The kernel's count agrees with ours: then its list need not be read, which costs most of a snapshot.
    let listed = if task::count() == u64::try_from(known.len()).ok() {
        None
    } else {
        task::list()
    };
    let Some(listed) = listed else {
        return known.into_iter().filter(|alive| alive.tid != own).collect();
    };
    let mut others: Vec<_> = listed
        .into_iter()
        .filter(|&tid| tid != own)
        .filter_map(|tid| still_alive(tid, &known))
        .collect();
    let mut unknown = others.iter_mut().filter(|other| other.thread.is_none());
    if let (Some(only), None) = (unknown.next(), unknown.next()) {
        // One thread has not said its id yet, and one id has no record.
        only.thread = starting;
    }
    others
}

/// A thread that was created just now says its id as soon as it runs: it is given a moment for that. The only one that still
/// has not, where it is the only one.
fn wait_for_starting_threads() -> Option<&'static Thread> {
    const NAP: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000,
    };
    const MOST_NAPS: u32 = 20;
    for _ in 0..MOST_NAPS {
        starting().next()?;
        // A signal may end the nap early; the number of naps bounds the whole.
        let _early_is_fine = nanosleep(&NAP);
    }
    let mut still = starting();
    still.next().filter(|_| still.next().is_none())
}

fn starting() -> impl Iterator<Item = &'static Thread> {
    threads::all()
        .filter(|(life, _, _)| *life == Life::Starting)
        .map(|(_, _, thread)| thread)
}

/// Gives threads that run a moment to end, where they are about to: one that was joined, or whose Python `join` has returned,
/// is still listed while libc cleans up behind it. Those that block meanwhile, or run on, stay.
pub fn without_those_that_end(mut others: Vec<Alive>) -> Vec<Alive> {
    const NAP: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 200_000,
    };
    const MOST_NAPS: u32 = 25;
    for _ in 0..MOST_NAPS {
        others.retain(is_still_there);
        if others.iter().all(|alive| task::blocked_call(alive.tid).is_some()) {
            break;
        }
        // A signal may end the nap early; the number of naps bounds the whole.
        let _early_is_fine = nanosleep(&NAP);
    }
    others.retain(is_still_there);
    others
}

fn is_still_there(alive: &Alive) -> bool {
    task::life(alive.tid) == task::Life::Alive && !threads::has_ended(alive.tid)
}

/// Threads whose records say that they run.
fn running() -> impl Iterator<Item = Alive> {
    threads::all()
        .filter(|(life, _, _)| *life == Life::Running)
        .map(|(_, tid, thread)| Alive {
            tid,
            thread: Some(thread),
        })
}

/// What a thread on the kernel's list is to us: `None` where it is on its way out, or the kernel's own helper. A joined
/// thread stays listed for a moment.
fn still_alive(tid: i32, known: &[Alive]) -> Option<Alive> {
    if let Some(alive) = known.iter().find(|alive| alive.tid == tid) {
        return Some(*alive);
    }
    if threads::has_ended(tid) || task::life(tid) != task::Life::Alive {
        return None;
    }
    Some(Alive { tid, thread: None })
}
