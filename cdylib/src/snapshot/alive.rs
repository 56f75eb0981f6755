//! Which other threads are alive: the kernel's list is authoritative, and our records say what we know of each thread.
//!
//! The kernel is asked about as few threads as possible: each answer costs microseconds, and a program may have ten thousand.

use core::time::Duration;
use std::collections::BTreeSet;

use rustix::thread::{Timespec, nanosleep};

use crate::state::held::{Entry, Object};
use crate::state::thread::Thread;
use crate::state::threads::{self, Life};
use crate::system::deadline::Deadline;
use crate::system::{libc_threads, task};

/// The most threads of a process that the kernel is asked about one by one; the rest count as alive.
const MAX_ASKED: usize = 64;

/// A thread that was alive at the fork.
#[derive(Clone, Copy, Debug)]
pub struct Alive {
    /// The kernel's id.
    pub tid: i32,
    /// Its record; `None` where no hook has seen it.
    pub thread: Option<&'static Thread>,
}

impl Alive {
    /// Whether it seems to hold a lock, or asks for one.
    pub fn uses_locks(&self) -> bool {
        self.thread.is_some_and(|thread| !thread.held.is_empty())
    }

    /// Whether it seems to be inside a call of libc that takes one of libc's own locks.
    pub fn is_in_libc(&self) -> bool {
        let is_libcs = |entry: Entry| entry.object == Object::LibcRegion;
        self.thread.is_some_and(|thread| thread.held.entries().any(is_libcs))
    }

    /// The address of the function that it started with; 0 where that was not seen.
    pub fn start_routine(&self) -> usize {
        let origin = self.thread.and_then(|thread| thread.origin());
        origin.map_or(0, |origin| origin.start_routine)
    }
}

/// Whether this thread is the only one. libc says so without a system call as long as it has never made another; otherwise the
/// kernel's count decides. Where `/proc` cannot be read, our own records decide.
pub fn is_alone() -> bool {
    if libc_threads::none_was_made() {
        return true;
    }
    match task::count() {
        Some(count) => count == 1,
        None => running().nth(1).is_none(),
    }
}

/// Shows every other thread that runs according to its record, without asking the kernel. A few threads fit on the stack, so that
/// no page of our heap is written, which the fork would have to copy.
pub fn with_recorded<R>(own: i32, look: impl FnOnce(&[Alive]) -> R) -> R {
    const FEW: usize = 64;
    let mut few = [Alive { tid: 0, thread: None }; FEW];
    let others = || running().filter(|alive| alive.tid != own);
    let mut count = 0;
    for (place, other) in few.iter_mut().zip(others()) {
        *place = other;
        count += 1;
    }
    match few.get(..count) {
        Some(all) if count < FEW => look(all),
        _ => look(&others().collect::<Vec<_>>()),
    }
}

/// Every other thread that can still run the program's code.
pub fn others(own: i32) -> Vec<Alive> {
    let starting = wait_for_starting_threads();
    let mut known: Vec<_> = running().collect();
    // Reading the kernel's list costs most of a snapshot, and is unnecessary if its count agrees with ours.
    let listed = if task::count() == u64::try_from(known.len()).ok() {
        None
    } else {
        task::list()
    };
    let Some(listed) = listed else {
        known.retain(|alive| alive.tid != own);
        return known;
    };
    known.sort_unstable_by_key(|alive| alive.tid);
    let mut asked = 0;
    let mut others = Vec::with_capacity(listed.len());
    for tid in listed.into_iter().filter(|&tid| tid != own) {
        if let Ok(place) = known.binary_search_by_key(&tid, |alive| alive.tid) {
            others.extend(known.get(place));
            continue;
        }
        // A joined thread stays listed for a short time.
        let is_on_its_way = threads::has_ended(tid) || asked < MAX_ASKED && task::stat(tid).life != task::Life::Alive;
        asked += 1;
        if !is_on_its_way {
            others.push(Alive { tid, thread: None });
        }
    }
    let mut unknown = others.iter_mut().filter(|other| other.thread.is_none());
    if let (Some(only), None) = (unknown.next(), unknown.next()) {
        // One record has no id yet, and one id has no record: they belong together.
        only.thread = starting;
    }
    others
}

/// A new thread notes its id as soon as it runs, so wait briefly for that. Returns the thread that still has not, if there is
/// exactly one.
fn wait_for_starting_threads() -> Option<&'static Thread> {
    const NAP: Duration = Duration::from_micros(50);
    const TIMEOUT: Duration = Duration::from_millis(1);
    let end = Deadline::after(TIMEOUT);
    while !end.has_passed() {
        starting().next()?;
        nap(NAP);
    }
    let mut still = starting();
    still.next().filter(|_| still.next().is_none())
}

fn starting() -> impl Iterator<Item = &'static Thread> {
    threads::all()
        .filter(|(life, _, _)| *life == Life::Starting)
        .map(|(_, _, thread)| thread)
}

/// Waits briefly for running threads that are about to end: one that was joined, or whose Python `join` has returned, is still
/// listed while libc cleans up. Threads that block meanwhile, or run on, stay. Once one is sure to stay, waiting only makes the
/// list more exact, so the wait is shorter.
pub fn without_those_that_end(mut others: Vec<Alive>) -> Vec<Alive> {
    const NAP: Duration = Duration::from_micros(200);
    const TIMEOUT: Duration = Duration::from_millis(5);
    const SHORT_TIMEOUT: Duration = Duration::from_millis(1);
    let mut unsettled: Vec<Alive> = others.iter().copied().take(MAX_ASKED).collect();
    let mut gone = BTreeSet::new();
    let (mut one_stays, mut is_again) = (false, false);
    let (soon, late) = (Deadline::after(SHORT_TIMEOUT), Deadline::after(TIMEOUT));
    loop {
        unsettled.retain(|alive| {
            if threads::has_ended(alive.tid) {
                return false;
            }
            // Each is looked at once, however late it is.
            if is_again && late.has_passed() {
                return true;
            }
            let stat = task::stat(alive.tid);
            if stat.life != task::Life::Alive {
                gone.insert(alive.tid);
            } else if stat.blocked {
                one_stays = true;
            } else {
                return true;
            }
            false
        });
        is_again = true;
        let end = if one_stays { soon } else { late };
        if unsettled.is_empty() || end.has_passed() {
            break;
        }
        nap(NAP);
    }
    others.retain(|alive| !gone.contains(&alive.tid) && !threads::has_ended(alive.tid));
    others
}

/// The threads that run according to their records.
fn running() -> impl Iterator<Item = Alive> {
    threads::all()
        .filter(|(life, _, _)| *life == Life::Running)
        .map(|(_, tid, thread)| Alive {
            tid,
            thread: Some(thread),
        })
}

fn nap(time: Duration) {
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: time.subsec_nanos().into(),
    };
    // A signal may end the nap early; the clock bounds the whole.
    let _early_is_fine = nanosleep(&time);
}
