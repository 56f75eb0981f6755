//! `unsafe_fork`: a fork while other threads were alive, with what they did and held.

use std::rc::Rc;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Fork, Frame, Lock, PythonFrame, Record, Settled, Thread, UnsafeFork, Waiting};
use forkwatch_schema::system_calls;
use forkwatch_text::advice::{self, Facts};

use super::envelope::{self, Content};
use super::lock;
use crate::config;
use crate::snapshot::fork_snapshot::ForkSnapshot;
use crate::snapshot::names::frames;
use crate::snapshot::other_threads::OtherThread;
use crate::state::held::Object;
use crate::state::{depot, own_code};
use crate::system::task;
use crate::verdict::unsafe_fork::{Evidence, RelevantLock, RelevantThread};

/// The finding. The child's id is not known yet.
pub fn content(snapshot: &ForkSnapshot, evidence: Evidence, resolver: &mut Resolver) -> Content {
    let Evidence {
        stack,
        threads: relevant_threads,
        locks: relevant_locks,
        waited_for,
        is_python,
    } = evidence;
    let truncated = truncated(snapshot, relevant_threads.len(), relevant_locks.len());
    let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
    let threads: Vec<_> = relevant_threads
        .into_iter()
        .map(|relevant| thread(snapshot, relevant, &mut unwinder, resolver))
        .collect();
    let locks: Vec<_> = relevant_locks
        .into_iter()
        .map(|relevant| held_lock(relevant, &threads))
        .collect();
    // The others come after these.
    let can_hang = locks.partition_point(|lock| !lock.made_anew);
    let settled = snapshot.settled.as_ref().map(|settled| Settled {
        waited_us: u64::try_from(settled.waited.as_micros()).unwrap_or(u64::MAX),
        waited_for: waited_for
            .into_iter()
            .map(|relevant| held_lock(relevant, &threads))
            .collect(),
    });
    let severity = match can_hang {
        0 if settled.is_some() => Severity::Info,
        0 => Severity::Warn,
        _ => Severity::Error,
    };
    let argv = envelope::arguments();
    let python_stack = snapshot.python.as_ref().and_then(|view| view.own.clone());
    let facts = Facts {
        stack: &stack,
        python: python_stack.as_deref(),
        threads: &threads,
        locks: locks.get(..can_hang).unwrap_or_default(),
        function: snapshot.origin.function,
        argv: argv.as_deref(),
        is_python,
    };
    let advice = advice::for_fork(&facts);
    let fingerprint = fingerprint::of_fork(&stack, python_stack.as_deref());
    Content {
        severity,
        kind: Kind::UnsafeFork,
        fingerprint,
        fork_id: Some(snapshot.origin.id.to_string()),
        detail: Detail::UnsafeFork(UnsafeFork {
            fork: Fork {
                function: snapshot.origin.function.to_owned(),
                child_pid: None,
                exec_bound: false,
                python_stack,
                stack,
            },
            threads,
            locks,
            advice,
            settled,
        }),
        truncated,
    }
}

/// The lists that are incomplete, because there were too many threads or locks to examine.
fn truncated(snapshot: &ForkSnapshot, threads: usize, locks: usize) -> Vec<String> {
    let lists = [
        ("threads", threads, snapshot.more_threads),
        ("locks", locks, snapshot.more_locks),
    ];
    let cut = lists.into_iter().filter(|(_, kept, more)| *kept > 0 && *more > 0);
    cut.map(|(list, kept, more)| Record::cut(list, kept, kept + more))
        .collect()
}

fn thread(
    snapshot: &ForkSnapshot,
    relevant: RelevantThread,
    unwinder: &mut Unwinder,
    resolver: &mut Resolver,
) -> Thread {
    let other = relevant.thread;
    let created_stack = other
        .origin
        .map(|origin| frames(resolver, depot::frames(origin.created), false));
    Thread {
        tid: other.tid,
        name: relevant.name,
        start_routine: relevant.start_routine,
        created_stack,
        stack: present_stack(other, unwinder, resolver),
        python_stack: python_stack(snapshot, other),
        waiting: waiting(other),
    }
}

/// Where a thread's Python code was at the fork.
fn python_stack(snapshot: &ForkSnapshot, other: &OtherThread) -> Option<Vec<PythonFrame>> {
    let frames = &snapshot.python.as_ref()?.thread(other.handle)?.frames;
    (!frames.is_empty()).then(|| frames.clone())
}

/// Where a thread is now. A thread that is blocked in a hooked call has recorded its own stack; any other is unwound from the
/// program counter and stack pointer that the kernel shows, and must still be there afterwards.
fn present_stack(other: &OtherThread, unwinder: &mut Unwinder, resolver: &mut Resolver) -> Option<Vec<Frame>> {
    if let Some(asked) = other.asked_and_blocked() {
        return Some(frames(resolver, depot::frames(asked.stack), false));
    }
    let blocked = other.blocked?;
    // The most frames of ours between a hooked call and its caller.
    const OF_HOOK: usize = 4;
    let depth = config::get().depth.saturating_add(OF_HOOK);
    let mut addresses = unwinder.stack(blocked.program_counter, blocked.stack_pointer, depth);
    let of_hook = addresses
        .iter()
        .skip(1)
        .take_while(|&&address| own_code::contains(address));
    let callers = 1 + of_hook.count();
    addresses.drain(1.min(addresses.len())..callers.min(addresses.len()));
    // Beyond our wrapper that started the thread there is only libc.
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
            Object::PythonLock => "PyMutex_Lock",
        };
        return Some(Waiting {
            call: call.to_owned(),
            address: Some(lock::address(asked.address)),
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
        address: (blocked.number == libc::SYS_futex).then(|| lock::address(first)),
    })
}

fn held_lock(relevant: RelevantLock, threads: &[Thread]) -> Lock {
    let owner = threads.iter().find(|thread| thread.tid == relevant.lock.owner);
    Lock {
        owner_tid: Some(relevant.lock.owner),
        owner: owner.map(|owner| owner.name.clone()),
        made_anew: relevant.is_made_anew,
        waiters: relevant.lock.waiters.clone(),
        acquired_python_stack: relevant.acquired_python_stack,
        ..lock::of_entry(&relevant.lock.entry, relevant.identity, relevant.acquired_stack)
    }
}
