//! A wait for a CPython lock that no hook sees: the hooks only see the semaphore that the waiting thread sleeps on. Only in a
//! child with one thread: another thread could repair such a lock without our noticing.

use forkwatch_process::cpython::Held;

use crate::config;
use crate::snapshot::fork_snapshot;
use crate::snapshot::python;
use crate::state::orphans::{self, Orphan};
use crate::state::thread::Busy;
use crate::verdict::fork_record;

/// The inherited lock that a wait on this semaphore is for, if its holder was seen.
pub fn seen_behind(semaphore: usize) -> Option<Orphan> {
    if !config::get().python || !orphans::any() {
        return None;
    }
    let _busy = Busy::from_here();
    orphans::find(python::waited_for(semaphore)?)
}

/// The same, including a lock whose holder was not seen, if this thread can name the lock and has not taken it itself.
pub fn behind(semaphore: usize) -> Option<Orphan> {
    if !config::get().python {
        return None;
    }
    let address = python::waited_for(semaphore)?;
    orphans::find(address).or_else(|| {
        let held = Held {
            address,
            holder: python::holder_of_inherited(address)?,
            place: 0,
            is_being_taken: false,
        };
        orphans::add(
            fork_snapshot::entry_of(&held),
            fork_record::lost_thread_with_handle(held.holder),
            fork_record::newest_number(),
        );
        orphans::find(address)
    })
}
