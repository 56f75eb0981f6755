//! The names of the locks and threads in reported forks. A later fork with nothing new is not examined closely, but its child
//! still reports the same names.

use std::collections::BTreeMap;

use crate::snapshot::fork_snapshot::ForkSnapshot;
use crate::state::report_lock::{Guarded, ReportLock};
use crate::system::allocator;

/// The most names of each kind. When there are more, all are forgotten.
const MAX_NAMES: usize = 1024;

static LOCKS: Guarded<BTreeMap<usize, String>> = Guarded::new(BTreeMap::new());
static THREADS: Guarded<BTreeMap<i32, Vec<u8>>> = Guarded::new(BTreeMap::new());

/// Python's name for the lock at this address.
pub fn of_lock(lock: &ReportLock, address: usize) -> Option<&str> {
    LOCKS.get(lock).get(&address).map(String::as_str)
}

/// The name of the thread with this id.
pub fn of_thread(lock: &ReportLock, tid: i32) -> Option<&[u8]> {
    THREADS.get(lock).get(&tid).map(Vec::as_slice)
}

/// Remembers the names of a fork that was reported.
pub fn remember(lock: &mut ReportLock, snapshot: &ForkSnapshot) {
    let Some(python) = &snapshot.python else { return };
    let forking = python
        .own_name
        .as_ref()
        .map(|name| (snapshot.origin.thread, name.as_bytes()));
    let others = snapshot
        .threads
        .iter()
        .map(|thread| (thread.tid, thread.name.as_slice()));
    let threads = others.chain(forking).filter(|(_, name)| !name.is_empty());
    let locks = snapshot
        .locks
        .iter()
        .filter_map(|held| Some((held.entry.address, &python.lock(held.entry.address)?.name)));
    allocator::with_lasting(|| {
        insert(THREADS.get_mut(lock), threads.map(|(tid, name)| (tid, name.to_vec())));
        insert(
            LOCKS.get_mut(lock),
            locks.map(|(address, name)| (address, name.clone())),
        );
    });
}

fn insert<Key: Ord, Name>(names: &mut BTreeMap<Key, Name>, new: impl Iterator<Item = (Key, Name)>) {
    for (key, name) in new {
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        names.insert(key, name);
    }
}
