//! Holders that cannot go on while the fork is held back: they wait for the forking thread, for those at the gate, or as they did when an
//! earlier fork waited for them in vain. And threads that wait for a signal, and hold nothing.

use core::time::Duration;

use lock_api::Mutex;

use crate::snapshot::holders::Holder;
use crate::state::held::{Object, Stage};
use crate::state::thread::Thread;
use crate::state::threads::{self, Life};
use crate::system::clock;
use crate::system::own_lock::OwnLock;
use crate::system::task::{self, BlockedCall};
use crate::verdict::bookkeeping;

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
static IN_VAIN: Remembered = Mutex::new([None; MAX_REMEMBERED]);
/// The threads that wait for a signal.
static FOR_SIGNALS: Remembered = Mutex::new([None; MAX_REMEMBERED]);

type Remembered = Mutex<OwnLock, [Option<Asleep>; MAX_REMEMBERED]>;

/// One wait's view of the holders.
#[derive(Debug)]
pub(super) struct Stuck {
    /// Whether this thread has the interpreter lock while it waits, or there is none.
    has_interpreter_lock: bool,
    looked: Duration,
    since: Duration,
    before: Vec<Asleep>,
}

impl Stuck {
    pub(super) const fn new(has_interpreter_lock: bool) -> Self {
        Self {
            has_interpreter_lock,
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
        let asleep = all_asleep(holders).filter(|_| !holders.iter().any(|holder| self.will_run(holder)));
        let Some(asleep) = asleep else {
            self.before.clear();
            return false;
        };
        if asleep != self.before {
            self.before = asleep;
            self.since = now;
            return self.before.iter().all(|asleep| is_among(&IN_VAIN, asleep));
        }
        // Sleeping in a system call may end by itself; waiting for another thread does not, if that one is at the gate.
        let on_futexes = self.before.iter().all(|asleep| asleep.call.number == libc::SYS_futex);
        let mut locks = self.before.iter().map(|asleep| asleep.lock);
        if !on_futexes || now.saturating_sub(self.since) < LONG || locks.any(|lock| is_about_to_wake(own, lock)) {
            return false;
        }
        let for_signals = holders.iter().filter(|holder| seems_to_wait_for_signal(holder));
        let mut none_is_new = true;
        for asleep in for_signals.filter_map(place) {
            none_is_new &= !remember(&FOR_SIGNALS, asleep);
        }
        none_is_new
    }

    /// Whether a thread waits for the interpreter lock, which nobody keeps for good: not this thread, nor any at the gate. Who has it may
    /// compute for long, or wait for a processor.
    fn will_run(&self, holder: &Holder) -> bool {
        !self.has_interpreter_lock
            && holder
                .thread
                .held
                .entries()
                .any(|entry| bookkeeping::is_of_interpreter(&entry))
    }

    /// Remembers holders that have slept for long, for the next fork. One that has just fallen asleep, or is about to be woken, will go on,
    /// and may soon sleep in the same place again, as the threads of a pool do.
    pub(super) fn remember(&self, own: &Thread, holders: &[Holder]) {
        let has_slept_long = clock::since_start().saturating_sub(self.since) >= LONG;
        let are_the_same = || all_asleep(holders).is_some_and(|asleep| asleep == self.before);
        let will_go_on = |asleep: &Asleep| is_about_to_wake(own, asleep.lock);
        if has_slept_long
            && are_the_same()
            && !holders.iter().any(|holder| self.will_run(holder))
            && !self.before.iter().any(will_go_on)
        {
            for &asleep in &self.before {
                remember(&IN_VAIN, asleep);
            }
        }
    }
}

/// Whether this thread was found to wait for a signal, and still does.
pub(super) fn waits_for_signal(holder: &Holder) -> bool {
    seems_to_wait_for_signal(holder) && place(holder).is_some_and(|asleep| is_among(&FOR_SIGNALS, &asleep))
}

/// Whether a thread asks for a lock of Python's that nobody was seen to take. Such a lock was taken before calls for it were seen, when the
/// process had no other thread than its first, or was handed over to this one, which then soon wakes. If the first thread is the one that
/// forks, no child loses the thread that has the lock.
fn seems_to_wait_for_signal(holder: &Holder) -> bool {
    let Some(asked) = holder
        .entry
        .filter(|entry| holder.only_asks && entry.object == Object::PythonLock)
    else {
        return false;
    };
    let has_it = |thread: &Thread| {
        let mut entries = thread.held.entries();
        entries.any(|entry| entry.address == asked.address && matches!(entry.stage, Stage::Held | Stage::HeldJustMade))
    };
    rustix::thread::gettid() == rustix::process::getpid() && !threads::all().any(|(_, _, thread)| has_it(thread))
}

/// Whether a thread that has released this lock lately runs, or waits for a processor: it may not have come to waking those that wait. A wait
/// for a condition releases its mutex in the same two steps.
fn is_about_to_wake(own: &Thread, lock: usize) -> bool {
    let has_released = |thread: &Thread| {
        let mut waits = thread
            .held
            .entries()
            .filter(|entry| entry.stage == Stage::ReleasedByWait);
        thread.held.released_last().any(|released| released == lock) || waits.any(|entry| entry.address == lock)
    };
    threads::all().any(|(life, tid, thread)| {
        life == Life::Running
            && !core::ptr::eq(thread, own)
            && !thread.is_at_gate()
            && has_released(thread)
            && !task::stat(tid).blocked
    })
}

/// True where it was not among them.
fn remember(list: &Remembered, asleep: Asleep) -> bool {
    let Some(mut kept) = list.try_lock() else { return false };
    let is_new = !kept.contains(&Some(asleep));
    if is_new {
        kept.rotate_right(1);
        if let Some(first) = kept.first_mut() {
            *first = Some(asleep);
        }
    }
    is_new
}

fn is_among(list: &Remembered, asleep: &Asleep) -> bool {
    list.try_lock().is_some_and(|kept| kept.contains(&Some(*asleep)))
}

/// Where each of them sleeps; `None` where one does not, or there is none.
fn all_asleep(holders: &[Holder]) -> Option<Vec<Asleep>> {
    if holders.is_empty() {
        return None;
    }
    holders.iter().map(place).collect()
}

fn place(holder: &Holder) -> Option<Asleep> {
    Some(Asleep {
        tid: holder.tid,
        lock: holder.entry?.address,
        call: task::blocked_call(holder.tid)?,
    })
}

/// Whether a thread that holds a lock asks for one that the forking thread has.
fn waits_for(own: &Thread, holder: &Holder) -> bool {
    let mut entries = holder.thread.held.entries();
    !holder.only_asks
        && entries
            .any(|entry| matches!(entry.stage, Stage::Asked | Stage::AskedOrHeld) && own.held.holds(entry.address))
}
