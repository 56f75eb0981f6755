//! Every sort of finding: when it is one, and when it was told before.

use forkwatch_process::cpython::Held;
use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Lock};
use lock_api::Mutex;

pub use super::judge::{Judgement, judge};
use super::judge::{frames, kind_of, naming, sealed};
use super::story::Story;
use super::tell::{say, tell};
use super::told;
use super::{counts, fork, further, setup};
use crate::config::{self, Strict};
use crate::record::envelope::Content;
use crate::record::printable::printable;
use crate::snapshot::alive::{self, Alive};
use crate::snapshot::lock_memory::{self, Word};
use crate::snapshot::moment::{self, HeldLock, Moment};
use crate::snapshot::origin::{ForkId, Origin};
use crate::snapshot::place::{Place, Verdict};
use crate::snapshot::python;
use crate::state::credit::Credit;
use crate::state::depot::{self, StackId};
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;
use crate::system::own_lock::OwnLock;
use crate::system::{process, python as interpreter, task};

/// What is known of a fork at a quick look.
#[derive(Debug)]
pub struct Known {
    /// What the child must know of it.
    pub origin: Origin,
    /// All of it was told before, and is only counted.
    pub is_counted: bool,
    /// The locks of CPython's that pass no hook, with their holders' ids.
    pub python_locks: Vec<(Held, i32)>,
    told_before: bool,
}

/// Looks whether there is anything new about a fork, and counts it where there is not. The kernel is asked nothing.
pub fn known(function: &'static str, stack: StackId, alive: &[Alive]) -> Known {
    let config = config::get();
    let python = if config.python { python::place() } else { 0 };
    let place = Place::of_fork(stack, python, setup::suppressions().has_thread_rules().then_some(alive));
    let known = told::verdict(place);
    let python_locks = if config.python && known.is_some() {
        python_locks(alive)
    } else {
        Vec::new()
    };
    let origin = Origin {
        id: told::fork_id(place).unwrap_or_else(ForkId::make),
        function,
        stack,
        place,
        known,
        thread: rustix::thread::gettid().as_raw_nonzero().get(),
        process: process::id(),
        has_holders: moment::held(alive).next().is_some() || !python_locks.is_empty(),
    };
    let told_before = !config.repeat_all
        && known.is_some()
        && (known == Some(Verdict::ExecBound) || !seems_new(place, alive, &python_locks) || !further::may_begin());
    let is_counted = match known {
        Some(Verdict::ExecBound) => {
            counts::EXEC_BOUND_FORKS.add();
            true
        }
        Some(verdict) if told_before && (!may_stop() || verdict == Verdict::Silenced) => {
            count_again(verdict);
            true
        }
        _ => false,
    };
    Known {
        origin,
        is_counted,
        python_locks,
        told_before,
    }
}

/// Whether a fork may be stopped, so that what is known of one must be looked at again.
fn may_stop() -> bool {
    matches!(config::get().strict, Strict::Threads | Strict::Locks)
}

/// Whether a lock is held at this fork that was not told at one of this place.
fn seems_new(place: Place, alive: &[Alive], python_locks: &[(Held, i32)]) -> bool {
    /// More are not read: the closer look tells.
    const MOST_READ: usize = 64;
    let mut last = None;
    let mut is_told_where_taken = |entry: &Entry| {
        // Whoever takes many locks takes many in one place.
        let taken = (entry.stack, entry.made, entry.object);
        match last {
            Some((before, told)) if before == taken => told,
            _ => {
                let told = told::verdict(place.with_lock(entry)).is_some();
                last = Some((taken, told));
                told
            }
        }
    };
    let untold = moment::held(alive).filter(|(_, entry)| !is_told_where_taken(entry) && !is_told_itself(place, entry));
    let is_held = |(read, (tid, entry)): (usize, (i32, Entry))| read >= MOST_READ || moment::is_held(&entry, tid);
    let is_untold = |(held, _): &(Held, i32)| told::verdict(place.with_python_lock(held.sort)).is_none();
    untold.enumerate().any(is_held) || python_locks.iter().any(is_untold)
}

/// Whether this very lock was told at a fork of this place, taken by the same call.
fn is_told_itself(place: Place, entry: &Entry) -> bool {
    told::verdict(place.with_lock_itself(entry)).is_some()
}

/// The story of a fork about which something may be new; `None` where no other thread is left.
pub fn news(known: Known, alive: Vec<Alive>) -> Option<Box<Story>> {
    let Known {
        mut origin,
        mut told_before,
        ..
    } = known;
    let config = config::get();
    // A place is known where another thread was alive before.
    let alive = if origin.known.is_some() {
        alive
    } else {
        alive::without_those_that_end(alive)
    };
    if alive.is_empty() {
        return None;
    }
    let mut moment = moment::take(origin, &alive, setup::suppressions().has_thread_rules());
    let view = moment.python.as_ref();
    let python_locks = with_holders(view.map_or(&[], |view| &view.held), &alive);
    let is_told = |lock: &HeldLock| {
        told::verdict(lock.place(origin.place)).is_some()
            || lock.python.is_none() && is_told_itself(origin.place, &lock.entry)
    };
    told_before |= !config.repeat_all && origin.known.is_some() && moment.locks.iter().all(is_told);
    origin.has_holders |= !python_locks.is_empty();
    if let Some(verdict) = origin.known.filter(|_| told_before && !may_stop()) {
        further::end();
        count_again(verdict);
        return Some(Story::new(origin, None, python_locks));
    }
    if origin.known.is_some() && !told_before {
        // Something new is told of it: a finding of its own.
        origin.id = ForkId::make();
    }
    moment.origin = origin;
    moment.told_before = told_before;
    Some(Story::new(origin, Some(moment), python_locks))
}

/// The locks of CPython's that pass no hook, as far as a look that costs little finds them. Where one place forks all the time,
/// not every such fork is looked at.
fn python_locks(alive: &[Alive]) -> Vec<(Held, i32)> {
    /// In ticks of the processor's clock: some hundred looks.
    const FIRST_CREDIT: i64 = 250_000_000;
    #[expect(unsafe_code, reason = "a static in the section that a fork writes to")]
    #[unsafe(link_section = ".data.forkwatch_fork")]
    static CREDIT: Mutex<OwnLock, Credit> = Mutex::new(Credit::new());
    if interpreter::found().is_none() {
        return Vec::new();
    }
    let mut credit = CREDIT.lock();
    let Some(this) = Thread::even_if_busy().filter(|_| credit.is_left(FIRST_CREDIT)) else {
        return Vec::new();
    };
    let held = python::held_in_blocks(this.handle());
    credit.pay(u64::MAX);
    with_holders(&held, alive)
}

fn with_holders(held: &[Held], alive: &[Alive]) -> Vec<(Held, i32)> {
    let holder = |held: &Held| {
        let is_it = |alive: &&Alive| alive.thread.is_some_and(|thread| thread.handle() == held.holder);
        Some((*held, alive.iter().find(is_it)?.tid))
    };
    held.iter().filter_map(holder).collect()
}

fn count_again(verdict: Verdict) {
    if verdict == Verdict::Silenced {
        counts::SUPPRESSED.add();
    } else {
        counts::UNSAFE_FORKS.add();
        counts::REPEATED.add();
    }
}

/// Tells what a fork turned out to be. `child` is the child's id, where there is one and the parent has learnt it. One that
/// was `told_before` only counts.
pub fn unsafe_fork(judgement: Judgement, child: Option<i32>, stopped: bool, told_before: bool) {
    let mut record = match judgement {
        Judgement::Nothing => return,
        Judgement::ExecBound => {
            counts::EXEC_BOUND_FORKS.add();
            return;
        }
        Judgement::Finding(_) if told_before => {
            count_again(Verdict::Told);
            return;
        }
        Judgement::Finding(record) => record,
    };
    let is_first = told::is_first(&record.fingerprint);
    if !is_first && !stopped && !config::get().repeat_all {
        count_again(Verdict::Told);
        return;
    }
    counts::UNSAFE_FORKS.add();
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.child_pid = child;
    }
    let why = match config::get().strict {
        Strict::Threads => "FORKWATCH_STRICT=threads",
        _ => "FORKWATCH_STRICT=locks",
    };
    tell(&record, stopped.then_some(why));
}

/// Remembers that all of this fork was told, or counted; what was found harmless or silent stays so.
pub fn remember(moment: &Moment) {
    let place = moment.origin.place;
    told::remember_fork(place, moment.origin.id);
    let locks = moment.locks.iter();
    let by_hooks = locks.clone().filter(|lock| lock.python.is_none());
    let themselves = by_hooks.map(|lock| place.with_lock_itself(&lock.entry));
    for place in locks.map(|lock| lock.place(place)).chain(themselves).chain([place]) {
        if told::verdict(place).is_none() {
            told::remember(place, Verdict::Told);
        }
    }
    further::end();
}

/// Tells which locks a thread that ends still holds. Semaphores are left out: another thread may rightly post them later; and libc's
/// own locks, which it gives back when the thread is cancelled.
pub fn leaked_locks(thread: &Thread) {
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let memory = ProcessMemory::own();
    let leaked: Vec<Entry> = thread
        .held
        .entries()
        .filter(|entry| {
            matches!(entry.stage, Stage::Held | Stage::AskedOrHeld)
                && !matches!(entry.object, Object::Semaphore | Object::LibcRegion)
        })
        .filter(|entry| lock_memory::word(memory, entry.object, entry.address, tid) == Word::Held)
        .filter(|entry| !lock_memory::is_robust_mutex(memory, entry.object, entry.address))
        .collect();
    if leaked.is_empty() {
        return;
    }
    fork::while_no_fork(|| leaked.iter().for_each(|entry| leaked_lock(entry, tid)));
}

fn leaked_lock(entry: &Entry, tid: i32) {
    let place = Place::of_fork(depot::NO_STACK, 0, None).with_lock(entry);
    if !config::get().repeat_all && told::verdict(place).is_some() {
        counts::REPEATED.add();
        return;
    }
    told::remember(place, Verdict::Told);
    let Some(mut resolver) = Resolver::new(naming()) else {
        return;
    };
    let acquired_stack = frames(&mut resolver, depot::frames(entry.stack), false);
    let owner = printable(&task::name(tid));
    let kind = kind_of(entry.object);
    let content = Content {
        severity: Severity::Warn,
        kind: Kind::LeakedLock,
        fingerprint: fingerprint::of_lock(Kind::LeakedLock, kind, &acquired_stack),
        fork_id: None,
        detail: Detail::LeakedLock(LeakedLock {
            lock: Lock {
                address: format!("{:#x}", entry.address),
                kind,
                name: None,
                owner_tid: Some(tid),
                owner: Some(owner),
                acquired_stack,
                waiters: Vec::new(),
            },
        }),
    };
    if let Some(record) = sealed(content, None) {
        tell(&record, None);
    }
}

/// Tells what is wrong with the options, once.
pub fn complaints() {
    setup::complaints().for_each(say);
}

/// Tells the counts, at the end of a process that had a finding.
pub fn summary() {
    let content = Content {
        severity: Severity::Info,
        kind: Kind::Summary,
        fingerprint: fingerprint::of_kind(Kind::Summary),
        fork_id: None,
        detail: Detail::Summary(counts::summary()),
    };
    if let Some(record) = sealed(content, None) {
        tell(&record, None);
    }
}
