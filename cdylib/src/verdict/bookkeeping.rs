//! Locks for which a fork is not held back: an interpreter's own, which its threads hold for their lives, or for an instant in which the
//! fork cannot come.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forkwatch_process::modules::Modules;
use forkwatch_state::address_set::AddressSet;

use super::own_locks::Interpreter;
use crate::state::depot::{self, NO_STACK};
use crate::state::held::{Entry, Object};
use crate::system::kernel::Kernel;
use crate::system::python;

/// Where the code of `_thread._set_sentinel` begins, and how long it is; 0 where there is none. Relaxed: an address is in no range of
/// which only one is seen.
static SENTINEL: AtomicUsize = AtomicUsize::new(0);
static SENTINEL_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Whether it was searched for: interpreters since 3.13 have none. Relaxed: a second search finds the same.
static HAS_SEARCHED: AtomicBool = AtomicBool::new(false);

/// What was found to be an interpreter's own only when it stayed held.
static LEARNT: AddressSet<Kernel> = AddressSet::new();
/// What was looked at closely, with either result.
static LOOKED_AT: AddressSet<Kernel> = AddressSet::new();

/// Looks for an interpreter, which takes milliseconds. Once is enough.
pub fn learn_interpreter() {
    // Relaxed: as it says.
    if HAS_SEARCHED.load(Ordering::Relaxed) {
        return;
    }
    let range = Modules::read().and_then(|modules| Interpreter::find(&modules)?.set_sentinel());
    if let Some(range) = range {
        // Relaxed: as `SENTINEL` says.
        SENTINEL.store(range.start, Ordering::Relaxed);
        SENTINEL_BYTES.store(range.len(), Ordering::Relaxed);
    }
    // Relaxed: as it says.
    HAS_SEARCHED.store(true, Ordering::Relaxed);
}

/// Whether a fork is held back for this lock.
pub fn counts(entry: &Entry) -> bool {
    !(python::is_own_lock(entry.address) || is_sentinel(entry) || LEARNT.contains(entry.address))
}

/// Looks closely at a lock that stays held, once. True if it does not count from now on. Takes milliseconds.
pub fn learn(entry: &Entry) -> bool {
    if entry.object != Object::Semaphore || python::found().is_none() || LOOKED_AT.contains(entry.address) {
        return false;
    }
    LOOKED_AT.insert(entry.address);
    let owns = |modules: Modules| Some(Interpreter::find(&modules)?.owns_for_life(&modules, entry));
    let is_own = Modules::read().and_then(owns).unwrap_or(false);
    if is_own {
        LEARNT.insert(entry.address);
    }
    is_own
}

/// Whether this is a thread's `_tstate_lock`, which it holds for its life (up to 3.12).
fn is_sentinel(entry: &Entry) -> bool {
    // A few frames lie between `sem_init` and the method.
    const MAX_DEPTH: usize = 6;
    // Relaxed: as `SENTINEL` says.
    let (start, bytes) = (SENTINEL.load(Ordering::Relaxed), SENTINEL_BYTES.load(Ordering::Relaxed));
    let is_in = |&address: &usize| address.wrapping_sub(1).wrapping_sub(start) < bytes;
    bytes != 0 && entry.made != NO_STACK && depot::frames(entry.made).iter().take(MAX_DEPTH).any(is_in)
}
