//! Waits with a time-out that the only thread of a child makes again and again. Each ends by itself; the loop around them may not,
//! if it waits for what only a lost thread could bring.
//!
//! A loop that does anything else between its waits, as far as the kernel counts it, is left alone: it may only pass the time.

use lock_api::Mutex;

use forkwatch_schema::record::TimedWaits;

use super::finding;
use super::site::Site;
use crate::snapshot::alive;
use crate::state::forked_child;
use crate::state::thread::{Busy, Thread};
use crate::system::activity::Activity;
use crate::system::clock;
use crate::system::own_lock::OwnLock;
use crate::verdict::lost_servers::Target;

/// A loop is examined no more often than this, in milliseconds.
const INTERVAL: u64 = 200;
/// It counts once it has lasted this long, in milliseconds, with at least so many waits.
const PATIENCE: u64 = 2000;
const WAITS: u32 = 3;

/// The most loops that are followed at once; the one that has been still for the longest gives way.
const MAX: usize = 4;

/// A call that is repeated in one place.
#[derive(Clone, Copy, Debug)]
struct Loop {
    /// Where.
    place: (usize, usize),
    /// Since when it has done nothing else, in milliseconds.
    since: u64,
    /// The waits since then.
    waits: u32,
    /// When it was examined last, and what its thread had done by then.
    examined: u64,
    then: Activity,
    waits_then: u32,
    was_told: bool,
}

/// Their lock is only tried: the copy may find it held.
static LOOPS: Mutex<OwnLock, [Option<Loop>; MAX]> = Mutex::new([None; MAX]);

/// Before a wait with a time-out, in a child. It is the same again where the two numbers of `place` are the same.
pub fn waits(thread: &'static Thread, target: Target, place: (usize, usize), site: Site) {
    if !forked_child::parent_had_threads() {
        return;
    }
    let in_vain = {
        let _busy = Busy::from_here();
        let Some(mut loops) = LOOPS.try_lock() else { return };
        count(&mut loops, place)
    };
    if let Some(timed) = in_vain {
        finding::waits_in_vain(thread, target, timed, site);
    }
}

/// Counts a wait at this place. Returns how long the loop has lasted when that is enough to report it.
fn count(loops: &mut [Option<Loop>; MAX], place: (usize, usize)) -> Option<TimedWaits> {
    let now = clock::milliseconds();
    let Some(this) = loops.iter_mut().flatten().find(|this| this.place == place) else {
        let oldest = loops
            .iter_mut()
            .min_by_key(|this| this.map_or(0, |this| this.examined))?;
        *oldest = Loop::begin(place, now);
        return None;
    };
    this.waits = this.waits.saturating_add(1);
    if this.was_told || now.saturating_sub(this.examined) < INTERVAL {
        return None;
    }
    let still = Activity::read().is_some_and(|activity| this.has_only_waited(activity)) && alive::is_alone();
    let Some(then) = Activity::read() else {
        this.was_told = true;
        return None;
    };
    (this.examined, this.then, this.waits_then) = (now, then, this.waits);
    if !still {
        (this.since, this.waits) = (now, 0);
        this.waits_then = 0;
        return None;
    }
    let lasted = now.saturating_sub(this.since);
    if lasted < PATIENCE || this.waits < WAITS {
        return None;
    }
    this.was_told = true;
    Some(TimedWaits {
        count: this.waits,
        milliseconds: lasted,
    })
}

impl Loop {
    fn begin(place: (usize, usize), now: u64) -> Option<Self> {
        Some(Self {
            place,
            since: now,
            waits: 0,
            examined: now,
            then: Activity::read()?,
            waits_then: 0,
            was_told: false,
        })
    }

    /// Whether the thread has done nothing but wait since it was examined. `activity` was read just now.
    fn has_only_waited(&self, activity: Activity) -> bool {
        /// What reading an [`Activity`] itself adds.
        const READS: u64 = 4;
        let waits = u64::from(self.waits - self.waits_then);
        activity.reads <= self.then.reads + READS
            && activity.writes == self.then.writes
            && activity.waits <= self.then.waits + waits + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, Loop};

    fn since(reads: u64, writes: u64, waits: u64) -> bool {
        let then = Activity {
            reads: 10,
            writes: 10,
            waits: 10,
        };
        let this = Loop {
            place: (1, 2),
            since: 0,
            waits: 5,
            examined: 0,
            then,
            waits_then: 2,
            was_told: false,
        };
        this.has_only_waited(Activity {
            reads: 10 + reads,
            writes: 10 + writes,
            waits: 10 + waits,
        })
    }

    #[test]
    fn a_loop_that_does_something_else_is_left_alone() {
        assert!(since(0, 0, 3) && since(4, 0, 3) && since(0, 0, 0));
        assert!(!since(5, 0, 3), "it reads");
        assert!(!since(0, 1, 3), "it writes");
        assert!(!since(0, 0, 5), "it blocks elsewhere");
    }
}
