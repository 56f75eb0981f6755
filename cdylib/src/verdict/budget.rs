//! The budget for further findings about a place that was already reported: how many a process may have, and how fast.
//!
//! A library may take its locks on thousands of call paths, and each fork in a loop may find a different one held. The user only
//! has one place to fix.

use crate::state::credit::Credit;
use crate::state::report_lock::{Guarded, ReportLock};

/// How many are examined whatever they cost.
const FREE: u32 = 16;
/// For the ones after that, in ticks of the processor's clock.
const FIRST_CREDIT: i64 = 50_000_000;

struct Budget {
    free: u32,
    credit: Credit,
    is_owing: bool,
}

static BUDGET: Guarded<Budget> = Guarded::new(Budget {
    free: FREE,
    credit: Credit::new(),
    is_owing: false,
});

/// Whether a further finding may be examined, from now until [`end`].
pub fn begin(lock: &mut ReportLock) -> bool {
    let budget = BUDGET.get_mut(lock);
    if budget.free > 0 {
        budget.free -= 1;
        return true;
    }
    budget.is_owing = budget.credit.is_left(FIRST_CREDIT);
    budget.is_owing
}

/// The examination is over, and what it found, if anything, is reported.
pub fn end(lock: &mut ReportLock) {
    let budget = BUDGET.get_mut(lock);
    if core::mem::take(&mut budget.is_owing) {
        budget.credit.pay(u64::MAX);
    }
}
