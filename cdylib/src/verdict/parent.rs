//! What a forked child knows about its parent's threads: their names, and what they used.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::signals::Handled;

use super::fork_record::{self, ForkRecord};
use super::reported_names;
use crate::state::orphans::Orphan;
use crate::state::report_lock::ReportLock;
use crate::system::printable::printable;
use crate::system::{signals, task};
use crate::verdict::suppressions;

/// Python's name for this thread, if it is the copy of the thread that forked.
pub fn name_of_this_thread(lock: &ReportLock) -> Option<&str> {
    let is_copy = rustix::thread::gettid() == rustix::process::getpid();
    let fork = fork_record::newest(lock).filter(|_| is_copy)?;
    let by_report = || str::from_utf8(reported_names::of_thread(lock, fork.origin.thread)?).ok();
    fork.name_of_forking().or_else(by_report)
}

/// The name of the thread that held this lock.
pub fn name_of_owner(lock: &ReportLock, orphan: &Orphan) -> Option<String> {
    let fork = fork_record::of(lock, orphan.fork);
    match fork {
        Some(fork) if fork.origin.thread != orphan.owner => {
            name_of_lost(lock, fork, orphan.owner).map(|name| printable(&name))
        }
        // The forking thread itself: this thread is its copy.
        _ => Some(name_of_this_thread(lock).map_or_else(kernel_name_of_this_thread, str::to_owned)),
    }
}

/// The name of this thread of the parent, at the newest fork.
pub fn name_of_lost_thread(lock: &ReportLock, tid: i32) -> Option<String> {
    let fork = fork_record::newest(lock)?;
    name_of_lost(lock, fork, tid).map(|name| printable(&name))
}

/// The name of a thread of the parent, as far as it is still known.
fn name_of_lost(lock: &ReportLock, fork: &ForkRecord, tid: i32) -> Option<Vec<u8>> {
    let by_fork = fork.name_seen_of(tid);
    let by_report = || reported_names::of_thread(lock, tid);
    by_fork
        .or_else(by_report)
        .map(<[u8]>::to_vec)
        .or_else(|| task::name_in(fork.origin.process, tid))
}

fn kernel_name_of_this_thread() -> String {
    printable(&task::name(rustix::thread::gettid().as_raw_nonzero().get()))
}

/// The name of the function that the holder of this lock started with.
pub fn start_routine_of_owner(lock: &ReportLock, orphan: &Orphan, resolver: &mut Resolver) -> Option<String> {
    start_routine_of_lost(lock, orphan.fork, orphan.owner, resolver)
}

/// The name of the function that this thread, lost at this fork, started with.
pub fn start_routine_of_lost(lock: &ReportLock, fork: usize, tid: i32, resolver: &mut Resolver) -> Option<String> {
    let lost = fork_record::of(lock, fork)?.inherited.as_ref()?;
    let thread = lost.threads.iter().find(|thread| thread.tid == tid)?;
    resolver.name_of_function(thread.origin?.start_routine)
}

/// Whether the user's rules call every thread harmless that this child lost.
pub fn all_lost_threads_are_harmless(lock: &ReportLock, resolver: &mut Resolver) -> bool {
    let rules = suppressions::rules();
    let fork = fork_record::newest(lock).filter(|_| rules.has_thread_rules());
    let Some((fork, lost)) = fork.and_then(|fork| Some((fork, fork.inherited.as_ref()?))) else {
        return false;
    };
    lost.threads.iter().all(|thread| {
        let name = printable(&name_of_lost(lock, fork, thread.tid).unwrap_or_default());
        let start = thread
            .origin
            .and_then(|origin| resolver.name_of_function(origin.start_routine));
        rules.thread_is_harmless(&name, start.as_deref(), None)
    })
}

/// Threads of the parent that waited for this object at the fork.
pub fn users_of(lock: &ReportLock, address: usize) -> Vec<i32> {
    let Some(fork) = fork_record::newest(lock) else {
        return Vec::new();
    };
    let mut users: Vec<i32> = [&fork.seen, &fork.inherited]
        .into_iter()
        .flatten()
        .flat_map(|snapshot| &snapshot.threads)
        .filter(|thread| thread.uses(address))
        .map(|thread| thread.tid)
        .collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// The signals that have handlers here and in the process that forked this one.
pub fn handled_signals(lock: &ReportLock) -> Handled {
    let parent = match fork_record::newest(lock) {
        Some(fork) => fork.origin.process,
        // The child of a single-threaded process.
        None => rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get()),
    };
    signals::handled(parent)
}
