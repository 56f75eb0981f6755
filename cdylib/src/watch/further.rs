//! Further findings about a place that forks and was reported already: how many a process may have, and how fast.
//!
//! A library may take its locks on thousands of call paths, and each fork of a loop may meet another one. What the user has to
//! mend is the one place.

use lock_api::Mutex;

use crate::state::credit::Credit;
use crate::system::own_lock::OwnLock;

/// So many are looked at whatever they cost.
const FREE: u32 = 8;
/// For those after them, in ticks of the processor's clock.
const FIRST_CREDIT: i64 = 50_000_000;

struct Further {
    free: u32,
    credit: Credit,
    is_owing: bool,
}

/// Used only while no fork can be under way.
static FURTHER: Mutex<OwnLock, Further> = Mutex::new(Further {
    free: FREE,
    credit: Credit::new(),
    is_owing: false,
});

/// Whether a further one may be looked at, from now until [`end`].
pub fn may_begin() -> bool {
    let mut further = FURTHER.lock();
    if further.free > 0 {
        further.free -= 1;
        return true;
    }
    further.is_owing = further.credit.is_left(FIRST_CREDIT);
    further.is_owing
}

/// What was looked at has been reported, or was nothing.
pub fn end() {
    let mut further = FURTHER.lock();
    if core::mem::take(&mut further.is_owing) {
        further.credit.pay(u64::MAX);
    }
}
