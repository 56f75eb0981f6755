//! Every sort of finding: when it is one, and when it was told before.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Lock};
use lock_api::Mutex;

pub use super::judge::{Judgement, judge};
use super::judge::{frames, kind_of, naming, sealed};
use super::story::Story;
use super::tell::{say, tell};
use super::told;
use super::{counts, fork, setup};
use crate::config::{self, Strict};
use crate::record::envelope::Content;
use crate::record::printable::printable;
use crate::snapshot::alive::{self, Alive};
use crate::snapshot::lock_memory::{self, Word};
use crate::snapshot::memory::ProcessMemory;
use crate::snapshot::moment::{self, Moment};
use crate::snapshot::origin::{ForkId, Origin};
use crate::snapshot::place::{Place, Verdict};
use crate::snapshot::python::{self, Held};
use crate::snapshot::resolver::Resolver;
use crate::state::credit::Credit;
use crate::state::depot::{self, StackId};
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;
use crate::system::own_lock::OwnLock;
use crate::system::{process, task};

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

/// Looks whether there is anything new about a fork, and counts it where there is not.
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
    let is_known = |place| told::verdict(place).is_some();
    let told_before = !config.repeat_all
        && known.is_some()
        && moment::held(alive)
            .all(|(tid, entry)| is_known(place.with_lock(&entry)) || moment::is_only_asked_for(&entry, tid))
        && python_locks
            .iter()
            .all(|(held, _)| is_known(place.with_python_lock(held.sort)));
    let may_stop = matches!(config.strict, Strict::Threads | Strict::Locks);
    let is_counted = match known {
        Some(Verdict::ExecBound) => {
            counts::EXEC_BOUND_FORKS.add();
            true
        }
        Some(verdict) if told_before && (!may_stop || verdict == Verdict::Silenced) => {
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

/// The story of a fork about which something may be new; `None` where no other thread is left.
pub fn news(known: Known, alive: Vec<Alive>) -> Option<Box<Story>> {
    let Known {
        mut origin,
        told_before,
        ..
    } = known;
    let alive = alive::without_those_that_end(alive);
    if alive.is_empty() {
        return None;
    }
    if origin.known.is_some() && !told_before {
        // Something new is told of it: a finding of its own.
        origin.id = ForkId::make();
    }
    let moment = Moment {
        told_before,
        ..moment::take(origin, &alive)
    };
    let view = moment.python.as_ref();
    let python_locks = with_holders(view.map_or(&[], |view| &view.held), &alive);
    origin.has_holders |= !python_locks.is_empty();
    Some(Story::new(origin, Some(moment), python_locks))
}

/// The locks of CPython's that pass no hook, as far as a look that costs little finds them. Where one place forks all the time,
/// not every such fork is looked at.
fn python_locks(alive: &[Alive]) -> Vec<(Held, i32)> {
    /// In ticks of the processor's clock: some hundred looks.
    const FIRST_CREDIT: i64 = 250_000_000;
    static CREDIT: Mutex<OwnLock, Credit> = Mutex::new(Credit::new());
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
    let locks = moment.locks.iter().map(|lock| lock.place(place));
    for place in locks.chain([place]) {
        if told::verdict(place).is_none() {
            told::remember(place, Verdict::Told);
        }
    }
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
