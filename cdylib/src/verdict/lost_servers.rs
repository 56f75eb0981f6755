//! Which lost threads would have ended a child's wait, as far as that shows: they used the same object, their code is that of the
//! library that waits, or they have its name.

use core::cell::RefCell;
use std::collections::BTreeSet;

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{Frame, LostThread, PythonFrame, WaitObject};
use forkwatch_schema::signals::{Wait, is_python, waits_for_thread};
use forkwatch_schema::users_frame::{self, is_of_system, is_standard};

use super::{fork_record, parent};
use crate::snapshot::fork_snapshot::ForkSnapshot;
use crate::snapshot::other_threads::OtherThread;
use crate::state::held::Object;
use crate::state::report_lock::ReportLock;
use crate::state::takers;
use crate::state::thread::Thread;
use crate::system::printable::printable;
use crate::system::process;

/// The most threads that are named.
const MAX_NAMED: usize = 8;

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is.
    pub object: WaitObject,
    /// Its address.
    pub address: usize,
    /// The mutex of a condition; 0 for others.
    pub mutex: usize,
}

/// Who would have ended a wait.
#[derive(Debug)]
pub struct Servers {
    /// The threads that are known.
    pub threads: Vec<LostThread>,
    /// Whether it is certain that a thread would have: these, or one that nothing names.
    pub are_sure: bool,
}

/// Those of a wait for this target. `own` is the record of this thread.
pub fn of(lock: &ReportLock, own: &Thread, target: Target, wait: &Wait, resolver: &Resolver) -> Servers {
    let Target { address, mutex, .. } = target;
    let mut tids: BTreeSet<i32> = parent::users_of(lock, address).into_iter().collect();
    tids.extend(takers_of(own, address, mutex));
    let innermost = wait.stack.iter().find(|frame| !is_of_system(frame));
    let mut are_sure = false;
    match (innermost, wait.python_stack) {
        (Some(frame), Some(python)) if is_python(frame) => {
            tids.extend(of_package(lock, python));
            are_sure = waits_for_thread(python);
        }
        (Some(frame), _) => tids.extend(of_library(lock, frame, resolver)),
        (None, _) => {}
    }
    let threads: Vec<_> = tids
        .into_iter()
        .take(MAX_NAMED)
        .map(|tid| LostThread {
            tid,
            name: parent::name_of_lost_thread(lock, tid),
        })
        .collect();
    are_sure |= !threads.is_empty();
    Servers { threads, are_sure }
}

/// The lost threads that take the semaphore, or the mutex of the condition, again and again.
fn takers_of(own: &Thread, address: usize, mutex: usize) -> Vec<i32> {
    let takers = RefCell::new(Vec::new());
    fork_record::of_lost_threads(own, |tid, lost| {
        let takes = |object, address| address != 0 && takers::has_taken(lost, object, address);
        if takes(Object::Mutex, mutex) || takes(Object::Semaphore, address) || takes(Object::PythonLock, address) {
            takers.borrow_mut().push(tid);
        }
        None::<()>
    });
    takers.into_inner()
}

fn lost_threads(lock: &ReportLock) -> impl Iterator<Item = &OtherThread> {
    let fork = fork_record::newest(lock);
    let inherited = fork.and_then(|fork| fork.inherited.as_ref());
    inherited
        .into_iter()
        .flat_map(|snapshot: &ForkSnapshot| &snapshot.threads)
}

/// The lost threads that the library which waits had started. The program's own code is no such library: nothing would tell
/// its threads apart.
fn of_library(lock: &ReportLock, frame: &Frame, resolver: &Resolver) -> Vec<i32> {
    let library = frame.module.as_deref().unwrap_or_default();
    if library.is_empty() || library == printable(&process::program_path()) {
        return Vec::new();
    }
    let starts_there = |thread: &&OtherThread| {
        let start = thread.origin.map_or(0, |origin| origin.start_routine);
        let module = resolver.modules().find(start);
        module.is_some_and(|module| printable(module.path()) == library)
    };
    lost_threads(lock)
        .filter(starts_there)
        .map(|thread| thread.tid)
        .collect()
}

/// The lost threads that were in the same package's code, or that are called like it.
fn of_package(lock: &ReportLock, frames: &[PythonFrame]) -> Vec<i32> {
    let waits_in = frames.iter().find(|frame| !is_standard(&frame.file));
    let Some(package) = waits_in.and_then(|frame| users_frame::package(&frame.file)) else {
        return Vec::new();
    };
    let seen = fork_record::newest(lock).and_then(|fork| fork.seen.as_ref()?.python.as_ref());
    let runs_there = |thread: &OtherThread| {
        let python = seen.and_then(|view| view.thread(thread.handle));
        python.is_some_and(|python| {
            python
                .frames
                .iter()
                .any(|frame| users_frame::package(&frame.file) == Some(package))
        })
    };
    let is_called_like_it = |thread: &OtherThread| {
        let name = parent::name_of_lost_thread(lock, thread.tid).unwrap_or_default();
        name.to_lowercase().starts_with(&package.to_lowercase())
    };
    lost_threads(lock)
        .filter(|thread| runs_there(thread) || is_called_like_it(thread))
        .map(|thread| thread.tid)
        .collect()
}
