//! Holders that cannot go on while the fork is held back: they wait for the forking thread, for those at the gate, or as they did when an
//! earlier fork waited for them in vain.

use core::time::Duration;

use lock_api::Mutex;

use crate::snapshot::holders::Holder;
use crate::state::held::Stage;
use crate::state::thread::Thread;
use crate::system::clock;
use crate::system::own_lock::OwnLock;
use crate::system::task::{self, BlockedCall};

/// The most holders that are remembered.
const MAX_REMEMBERED: usize = 16;
/// How long every holder must have slept in the same place.
const LONG: Duration = Duration::from_millis(5);
/// Looks at the kernel's view of the holders are this far apart.
const PAUSE: Duration = Duration::from_millis(1);

/// Where a holder slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asleep {
    tid: i32,
    lock: usize,
    call: BlockedCall,
}

/// The holders for which a fork has waited in vain.
static IN_VAIN: Mutex<OwnLock, [Option<Asleep>; MAX_REMEMBERED]> = Mutex::new([None; MAX_REMEMBERED]);

/// One wait's view of the holders.
#[derive(Debug)]
pub(super) struct Stuck {
    looked: Duration,
    since: Duration,
    before: Vec<Asleep>,
}

impl Stuck {
    pub(super) const fn new() -> Self {
        Self {
            looked: Duration::ZERO,
            since: Duration::ZERO,
            before: Vec::new(),
        }
    }

    /// Whether these holders cannot go on as long as this thread waits.
    pub(super) fn is(&mut self, own: &Thread, holders: &[Holder]) -> bool {
        let now = clock::since_start();
        if now.saturating_sub(self.looked) < PAUSE {
            return false;
        }
        self.looked = now;
        if holders.iter().any(|holder| waits_for(own, holder)) {
            return true;
        }
        let Some(asleep) = all_asleep(holders) else {
            self.before.clear();
            return false;
        };
        if asleep != self.before {
            self.before = asleep;
            self.since = now;
            return self.before.iter().all(was_in_vain);
        }
        // Sleeping in a system call may end by itself; waiting for another thread does not, if that one is at the gate.
        let on_futexes = self.before.iter().all(|asleep| asleep.call.number == libc::SYS_futex);
        on_futexes && now.saturating_sub(self.since) >= LONG
    }

    /// Remembers holders that sleep, for the next fork.
    pub(super) fn remember(&mut self, holders: &[Holder]) {
        let (Some(asleep), Some(mut kept)) = (all_asleep(holders), IN_VAIN.try_lock()) else {
            return;
        };
        for asleep in asleep {
            if kept.contains(&Some(asleep)) {
                continue;
            }
            kept.rotate_right(1);
            if let Some(first) = kept.first_mut() {
                *first = Some(asleep);
            }
        }
    }
}

fn was_in_vain(asleep: &Asleep) -> bool {
    IN_VAIN.try_lock().is_some_and(|kept| kept.contains(&Some(*asleep)))
}

/// Where each of them sleeps; `None` where one does not, or there is none.
fn all_asleep(holders: &[Holder]) -> Option<Vec<Asleep>> {
    if holders.is_empty() {
        return None;
    }
    let asleep = |holder: &Holder| {
        Some(Asleep {
            tid: holder.tid,
            lock: holder.entry?.address,
            call: task::blocked_call(holder.tid)?,
        })
    };
    holders.iter().map(asleep).collect()
}

/// Whether a thread that holds a lock asks for one that the forking thread has.
fn waits_for(own: &Thread, holder: &Holder) -> bool {
    let mut entries = holder.thread.held.entries();
    !holder.only_asks
        && entries
            .any(|entry| matches!(entry.stage, Stage::Asked | Stage::AskedOrHeld) && own.held.holds(entry.address))
}
