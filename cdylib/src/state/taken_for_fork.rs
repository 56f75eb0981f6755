//! The locks of Python code that threads have taken for their forks: see `watch::settle::python`.
//!
//! Used only with the interpreter lock, which no thread gives up meanwhile; so the table is never locked at a fork.

use lock_api::Mutex;

use crate::system::own_lock::OwnLock;
use crate::system::python_lock_calls::TakenLock;

/// Each with the thread's `pthread_t`.
static TAKEN: Mutex<OwnLock, Vec<(usize, TakenLock)>> = Mutex::new(Vec::new());

/// The thread with this `pthread_t` has taken a lock.
pub fn add(handle: usize, lock: TakenLock) {
    TAKEN.lock().push((handle, lock));
}

/// The lock that the thread with this `pthread_t` took last, which is no longer in the table.
pub fn take_newest(handle: usize) -> Option<TakenLock> {
    let mut taken = TAKEN.lock();
    let place = taken.iter().rposition(|(thread, _)| *thread == handle)?;
    Some(taken.remove(place).1)
}

/// Whether the thread with this `pthread_t` has taken the lock that is this object.
pub fn contains(handle: usize, object: usize) -> bool {
    TAKEN
        .lock()
        .iter()
        .any(|(thread, lock)| *thread == handle && lock.object() == object)
}
