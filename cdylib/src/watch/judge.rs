//! From a fork's moment to a finding: names are looked up, what does not count is left out, and the rest is weighed.

use std::rc::Rc;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::resolver::{Naming, Resolver};
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Fork, Frame, Lock, LockKind, PythonFrame, Record, Thread, UnsafeFork, Waiting};
use forkwatch_schema::system_calls;
use forkwatch_text::advice::{self, Facts};
use forkwatch_text::headline;

use super::told;
use super::{counts, setup};
use crate::config::{self, Symbols};
use crate::record::envelope::{self, Content, seal};
use crate::record::printable::printable;
use crate::snapshot::moment::{Moment, OtherThread};
use crate::snapshot::place::{Place, Verdict};
use crate::state::held::Object;
use crate::state::{depot, descent, libc_regions, own_code};
use crate::system::allocator::has_room;
use crate::system::task;
use crate::verdict::exec_bound;
use crate::verdict::own_locks::Interpreter;

/// What a fork turned out to be.
#[derive(Debug)]
pub enum Judgement {
    /// Nothing to tell: silenced, or nothing left that counts.
    Nothing,
    /// The caller does nothing but exec.
    ExecBound,
    /// A finding.
    Finding(Box<Record>),
}

impl Judgement {
    /// Whether there is something to tell.
    pub fn is_finding(&self) -> bool {
        matches!(self, Self::Finding(_))
    }

    /// Whether another thread holds a lock.
    pub fn has_locks(&self) -> bool {
        matches!(self, Self::Finding(record) if record.severity >= Severity::Error)
    }
}

/// Judges a fork.
pub fn judge(moment: &Moment) -> Judgement {
    judge_if(moment, true)
}

/// Judges a fork whose child did more than to exec; `None` where there is nothing to tell.
pub fn judge_although_exec_bound(moment: &Moment) -> Option<Record> {
    match judge_if(moment, false) {
        Judgement::Finding(record) => Some(*record),
        Judgement::Nothing | Judgement::ExecBound => None,
    }
}

fn judge_if(moment: &Moment, may_be_exec_bound: bool) -> Judgement {
    let Some(mut resolver) = Resolver::new(naming()) else {
        return Judgement::Nothing;
    };
    let place = moment.origin.place;
    let fork_addresses = depot::frames(moment.origin.stack);
    let fork_stack = frames(&mut resolver, fork_addresses, false);
    let interpreter = Interpreter::find(resolver.modules());
    let subprocess = interpreter
        .as_ref()
        .is_some_and(|interpreter| interpreter.is_fork_exec(fork_addresses));
    if may_be_exec_bound && (subprocess || exec_bound::exec_bound(&fork_stack).is_some()) {
        told::remember(place, Verdict::ExecBound);
        return Judgement::ExecBound;
    }
    let threads = threads(moment, &mut resolver);
    counts::SUPPRESSED.add_many((moment.threads.len() - threads.len()) as u64);
    if threads.is_empty() {
        told::remember(place, Verdict::Silenced);
        return Judgement::Nothing;
    }
    let locks = locks(moment, place, &mut resolver, interpreter.as_ref(), &threads);
    let own_name = moment.python.as_ref().and_then(|view| view.own_name.as_deref());
    let left_out = left_out(moment, threads.len(), locks.len());
    let content = content(moment, fork_stack, threads, locks, interpreter.is_some());
    let record = sealed_in_part(content, own_name, left_out);
    if record.is_none() {
        told::remember(place, Verdict::Silenced);
    }
    record.map_or(Judgement::Nothing, |record| Judgement::Finding(Box::new(record)))
}

/// What there were too many of to look at each.
fn left_out(moment: &Moment, threads: usize, locks: usize) -> Vec<String> {
    let lists = [
        ("threads", threads, moment.more_threads),
        ("locks", locks, moment.more_locks),
    ];
    let cut = lists.into_iter().filter(|(_, kept, more)| *kept > 0 && *more > 0);
    cut.map(|(list, kept, more)| Record::cut(list, kept, kept + more))
        .collect()
}

/// The finding as a record; `None` where a rule silences it. `thread` is what Python calls the thread that tells.
pub fn sealed(content: Content, thread: Option<&str>) -> Option<Record> {
    sealed_in_part(content, thread, Vec::new())
}

/// As [`sealed`], of a finding that has more to it.
fn sealed_in_part(content: Content, thread: Option<&str>, left_out: Vec<String>) -> Option<Record> {
    let mut record = seal(content, config::get(), setup::context().as_deref());
    record.truncated = left_out;
    if let Some(name) = thread.filter(|name| !name.is_empty()) {
        record.thread = printable(name.as_bytes());
    }
    record.message = headline(&record);
    if setup::suppressions().suppresses(&record) {
        counts::SUPPRESSED.add();
        return None;
    }
    Some(record)
}

fn content(moment: &Moment, stack: Vec<Frame>, threads: Vec<Thread>, locks: Vec<Lock>, is_python: bool) -> Content {
    let severity = if locks.is_empty() {
        Severity::Warn
    } else {
        Severity::Error
    };
    let sites: Vec<_> = locks.iter().map(|lock| (lock.kind, &lock.acquired_stack[..])).collect();
    let argv = envelope::arguments();
    let python_stack = moment.python.as_ref().and_then(|view| view.own.clone());
    let facts = Facts {
        stack: &stack,
        python: python_stack.as_deref(),
        threads: &threads,
        locks: &locks,
        function: moment.origin.function,
        argv: argv.as_deref(),
        is_python,
    };
    let advice = advice::for_fork(&facts);
    let fingerprint = fingerprint::of_fork(&stack, python_stack.as_deref(), &sites);
    let fork = Fork {
        function: moment.origin.function.to_owned(),
        child_pid: None,
        exec_bound: false,
        python_stack,
        stack: Vec::new(),
    };
    Content {
        severity,
        kind: Kind::UnsafeFork,
        fingerprint,
        fork_id: Some(moment.origin.id.to_string()),
        detail: Detail::UnsafeFork(UnsafeFork {
            fork: Fork { stack, ..fork },
            threads,
            locks,
            advice,
        }),
    }
}

/// The threads that no rule calls harmless.
fn threads(moment: &Moment, resolver: &mut Resolver) -> Vec<Thread> {
    let rules = setup::suppressions();
    let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
    let mut counting = Vec::new();
    for other in &moment.threads {
        let name = printable(&other.name);
        let start = other.origin.map(|origin| origin.start_routine);
        let start_routine = start.and_then(|address| resolver.name_of_function(address));
        if rules.has_thread_rules() {
            let library = start.and_then(|address| Some(resolver.modules().find(address)?.base_name()));
            if rules.thread_is_harmless(&name, start_routine.as_deref(), library.as_deref()) {
                continue;
            }
        }
        let created_stack = other
            .origin
            .map(|origin| frames(resolver, depot::frames(origin.created), false));
        let stack = present_stack(other, &mut unwinder, resolver);
        let waiting = waiting(other);
        counting.push(Thread {
            tid: other.tid,
            name,
            start_routine,
            created_stack,
            stack,
            python_stack: python_stack(moment, other),
            waiting,
        });
    }
    counting
}

/// Where a thread's Python code was at the fork.
fn python_stack(moment: &Moment, other: &OtherThread) -> Option<Vec<PythonFrame>> {
    let frames = &moment.python.as_ref()?.thread(other.handle)?.frames;
    (!frames.is_empty()).then(|| frames.clone())
}

/// Where a thread is now. One that is blocked in a call we follow has said so itself; for others the kernel's word on program
/// counter and stack pointer is followed, if it has not moved on meanwhile.
fn present_stack(other: &OtherThread, unwinder: &mut Unwinder, resolver: &mut Resolver) -> Option<Vec<Frame>> {
    if let Some(asked) = other.asked_and_blocked() {
        return Some(frames(resolver, depot::frames(asked.stack), false));
    }
    let blocked = other.blocked?;
    let mut addresses = unwinder.stack(blocked.program_counter, blocked.stack_pointer, config::get().depth);
    // Below our wrapper that started the thread stands only libc.
    addresses.truncate(
        addresses
            .iter()
            .position(|&address| own_code::contains(address))
            .unwrap_or(addresses.len()),
    );
    if task::blocked_call(other.tid) != Some(blocked) {
        return None;
    }
    Some(frames(resolver, &addresses, true))
}

fn waiting(other: &OtherThread) -> Option<Waiting> {
    if let Some(asked) = other.asked_and_blocked() {
        let call = match asked.object {
            Object::Mutex => "pthread_mutex_lock",
            Object::RwlockRead => "pthread_rwlock_rdlock",
            Object::RwlockWrite => "pthread_rwlock_wrlock",
            Object::Spinlock => "pthread_spin_lock",
            Object::Semaphore => "sem_wait",
            Object::Condition => "pthread_cond_wait",
            Object::StaticGuard => "__cxa_guard_acquire",
            Object::LibcRegion => "libc",
        };
        return Some(Waiting {
            call: call.to_owned(),
            address: Some(format!("{:#x}", asked.address)),
        });
    }
    if other.asleep {
        return Some(Waiting {
            call: "a system call".to_owned(),
            address: None,
        });
    }
    let blocked = other.blocked?;
    let [first, ..] = blocked.arguments;
    Some(Waiting {
        call: system_calls::name(blocked.number),
        address: (blocked.number == libc::SYS_futex).then(|| format!("{first:#x}")),
    })
}

/// The locks that count, of the threads that count.
fn locks(
    moment: &Moment,
    place: Place,
    resolver: &mut Resolver,
    interpreter: Option<&Interpreter>,
    threads: &[Thread],
) -> Vec<Lock> {
    let rules = setup::suppressions();
    let mut counting = Vec::new();
    for lock in &moment.locks {
        let owner = threads.iter().find(|thread| thread.tid == lock.owner);
        let other = moment.threads.iter().find(|other| other.tid == lock.owner);
        if owner.is_none() && other.is_some() {
            // A rule calls the thread harmless.
            continue;
        }
        let entry = &lock.entry;
        let named = moment.python.as_ref().and_then(|view| view.lock(entry.address));
        let is_waiter_lock = match named {
            Some(named) => named.is_bookkeeping,
            None => interpreter.is_some_and(|interpreter| interpreter.is_waiter_lock(entry, other)),
        };
        if is_waiter_lock {
            // The same place may be somebody's real lock the next time.
            continue;
        }
        let own = interpreter.is_some_and(|interpreter| interpreter.owns(resolver.modules(), entry));
        let shared = entry.object != Object::LibcRegion && resolver.modules().is_shared_mapping(entry.address);
        if own || shared {
            told::remember(lock.place(place), Verdict::Harmless);
            continue;
        }
        let acquired_stack = frames(resolver, depot::frames(entry.stack), false);
        let region = libc_regions::at(entry.address).map(|region| region.name);
        let name = region.or_else(|| named.map(|named| named.name.as_str()));
        if rules.lock_is_harmless(name, &acquired_stack) {
            counts::SUPPRESSED.add();
            told::remember(lock.place(place), Verdict::Silenced);
            continue;
        }
        counting.push(Lock {
            address: format!("{:#x}", entry.address),
            kind: kind_of(entry.object),
            name: name.map(str::to_owned),
            owner_tid: Some(lock.owner),
            owner: owner.map(|owner| owner.name.clone()),
            acquired_stack,
            waiters: lock.waiters.clone(),
        });
    }
    counting
}

/// The frames of a stack, those of inlined functions among them, and no more than were asked for.
pub fn frames(resolver: &mut Resolver, addresses: &[usize], first_is_exact: bool) -> Vec<Frame> {
    let mut frames = resolver.frames(addresses, first_is_exact);
    frames.truncate(config::get().depth);
    frames
}

/// The word for an object's sort in records.
pub fn kind_of(object: Object) -> LockKind {
    match object {
        Object::RwlockRead => LockKind::RwlockRead,
        Object::RwlockWrite => LockKind::RwlockWrite,
        Object::Spinlock => LockKind::Spinlock,
        Object::Semaphore => LockKind::Semaphore,
        Object::StaticGuard => LockKind::StaticGuard,
        Object::LibcRegion => LockKind::Libc,
        Object::Mutex | Object::Condition => LockKind::Mutex,
    }
}

/// How much is looked up: in the child of a threaded process, names alone; less where memory is short.
pub fn naming() -> Naming {
    const ROOM_FOR_NAMES: usize = 64 << 20;
    const ROOM_FOR_LINES: usize = 256 << 20;
    let wanted = match config::get().symbols {
        Symbols::Off => Naming::Off,
        Symbols::Quick | Symbols::Full if descent::is_child_of_threads() => Naming::Names,
        Symbols::Quick => Naming::Quick,
        Symbols::Full => Naming::Full,
        Symbols::Names => Naming::Names,
    };
    if wanted == Naming::Off || !has_room(ROOM_FOR_NAMES) {
        Naming::Off
    } else if has_room(ROOM_FOR_LINES) {
        wanted
    } else {
        Naming::Names
    }
}
