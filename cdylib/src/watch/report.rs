//! Every sort of finding: when it is one, and when it was told before.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Lock};

pub use super::judge::{Judgement, judge};
use super::judge::{kind_of, naming};
use super::tell::{say, tell};
use super::told::{self, Place, Verdict};
use super::{counts, fork, setup};
use crate::config::{self, Strict};
use crate::record::envelope::{Content, seal};
use crate::record::printable::printable;
use crate::record::text::headline;
use crate::snapshot::alive::Alive;
use crate::snapshot::lock_memory::{self, Word};
use crate::snapshot::memory::ProcessMemory;
use crate::snapshot::moment::{self, Moment};
use crate::snapshot::resolver::Resolver;
use crate::state::depot::{self, StackId};
use crate::state::held::{Entry, Object, Stage};
use crate::state::thread::Thread;
use crate::system::task;
use crate::verdict::fingerprint;

/// What is new about a fork; `None` where all of it was told before, and is only counted.
pub fn news(function: &'static str, stack: StackId, alive: &[Alive]) -> Option<Moment> {
    let config = config::get();
    let look_again = config.repeat_all || config.strict != Strict::Off || !setup::suppressions().is_empty();
    if !look_again {
        let place = Place::of_fork(stack);
        let known = told::verdict(place);
        if known == Some(Verdict::ExecBound) {
            counts::EXEC_BOUND_FORKS.add();
            return None;
        }
        let nothing_new = |entry: &Entry| told::verdict(place.with_lock(entry)).is_some();
        if known.is_some() && moment::held(alive).all(|(_, entry)| nothing_new(&entry)) {
            counts::UNSAFE_FORKS.add();
            counts::REPEATED.add();
            return None;
        }
    }
    Some(moment::take(function, stack, alive))
}

/// Tells what a fork turned out to be. `child` is the child's id, where there is one and the parent has learnt it.
pub fn unsafe_fork(judgement: Judgement, child: Option<i32>, stopped: bool) {
    let mut content = match judgement {
        Judgement::Nothing => return,
        Judgement::ExecBound => {
            counts::EXEC_BOUND_FORKS.add();
            return;
        }
        Judgement::Finding(content) => content,
    };
    counts::UNSAFE_FORKS.add();
    if let Detail::UnsafeFork(detail) = &mut content.detail {
        detail.fork.child_pid = child;
    }
    let why = match config::get().strict {
        Strict::Threads => "FORKWATCH_STRICT=threads",
        _ => "FORKWATCH_STRICT=locks",
    };
    finish(*content, stopped.then_some(why));
}

/// Tells which locks a thread that ends still holds. Semaphores are left out: another thread may rightly post them later.
pub fn leaked_locks(thread: &Thread) {
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let memory = ProcessMemory::own();
    let leaked: Vec<Entry> = thread
        .held
        .entries()
        .filter(|entry| entry.stage == Stage::Held && entry.object != Object::Semaphore)
        .filter(|entry| lock_memory::word(memory, entry.object, entry.address, tid) == Word::Held)
        .filter(|entry| !lock_memory::is_robust_mutex(memory, entry.object, entry.address))
        .collect();
    if leaked.is_empty() {
        return;
    }
    fork::while_no_fork(|| leaked.iter().for_each(|entry| leaked_lock(entry, tid)));
}

fn leaked_lock(entry: &Entry, tid: i32) {
    let place = Place::of_fork(StackId(0)).with_lock(entry);
    if !config::get().repeat_all && told::verdict(place).is_some() {
        counts::REPEATED.add();
        return;
    }
    told::remember(place, Verdict::Told);
    let Some(mut resolver) = Resolver::new(naming()) else {
        return;
    };
    let acquired_stack = resolver.frames(depot::frames(entry.stack), false);
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
    finish(content, None);
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
    finish(content, None);
}

/// Seals a finding and tells it, unless a rule silences it.
fn finish(content: Content, stopped: Option<&str>) {
    let mut record = seal(content, config::get(), setup::context().as_deref());
    record.message = headline(&record);
    if setup::suppressions().silences(&record) {
        counts::SUPPRESSED.add();
        return;
    }
    tell(&record, stopped);
}
