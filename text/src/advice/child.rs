//! Advice for the findings of a forked child: a call that never returns, or that the child should not have made.
//!
//! The records of a child have no field for advice. A child knows its own stack and where the
//! lock was taken, but not where the fork was; the first line is therefore the one that fits any fork in this language.

use forkwatch_schema::guarded_libraries;
use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::{
    Call, Frame, Lock, OrphanedLock, Phase, PossibleDeadlock, PythonFrame, Record, SharedDescriptor, SlowHandler,
    StuckChild,
};

use super::locks::about_locks;
use super::{Facts, Language, about_fork, frameworks, is_rust, libc_regions, python};
use crate::noise::{ends_in_python_lock, is_interpreters, takes_python_lock};

/// The advice for an `orphaned_lock`; at least one line.
pub fn for_orphan(record: &Record, orphan: &OrphanedLock) -> Vec<String> {
    if refuses_release(orphan) {
        return vec![
            "In the child, do not unlock what was locked before the fork: initialise the lock again \
             (pthread_mutex_init in a pthread_atfork child handler), or call exec or _exit before anything needs it."
                .into(),
        ];
    }
    let mut lines = for_lock(record, &orphan.lock, orphan.python_stack.as_deref(), &orphan.stack);
    if taker_may_have_forked(record, orphan) && !is_libcs(&orphan.lock) {
        // A handler that takes the lock before the fork would wait for its own thread.
        lines.truncate(1);
        lines.insert(
            0,
            "If the forking thread itself holds the lock, release it before the fork; the child cannot.".into(),
        );
    }
    lines
}

/// The advice for a `possible_deadlock`; at least one line.
pub fn for_possible_deadlock(record: &Record, finding: &PossibleDeadlock) -> Vec<String> {
    for_lock(record, &finding.lock, finding.python_stack.as_deref(), &finding.stack)
}

/// The advice for a lock that a child needs and a thread of its parent takes: first what to do about the fork, unless libc has
/// something better than the function that takes the lock.
fn for_lock(record: &Record, lock: &Lock, python: Option<&[PythonFrame]>, stack: &[Frame]) -> Vec<String> {
    let language = language(python, [stack, &lock.acquired_stack]);
    let facts = Facts {
        locks: core::slice::from_ref(lock),
        python,
        argv: record.argv.as_deref(),
        ..NO_FACTS
    };
    let about_fork = about_fork_of_child(&facts, stack, language);
    if let Some(words) = lock.name.as_deref().and_then(libc_regions::words) {
        return vec![words.instead.into(), about_fork];
    }
    let mut lines = vec![about_fork];
    lines.extend(about_locks(&facts, language));
    if lines.len() == 1
        && language == Language::Python
        && [stack, &lock.acquired_stack].into_iter().any(ends_in_python_lock)
    {
        lines.push(
            "For a lock of your own, pass os.register_at_fork(after_in_child=...) a function that replaces it in \
             each child; do the same for objects that contain a lock (a queue, an event, a logging handler)."
                .into(),
        );
    }
    lines
}

fn is_libcs(lock: &Lock) -> bool {
    lock.name
        .as_deref()
        .is_some_and(|name| libc_regions::words(name).is_some())
}

/// Whether the lock may have been taken by the very thread that forked: it has the name of the child's only thread and the
/// id of the parent's first. In the child, this thread has another id.
pub fn taker_may_have_forked(record: &Record, orphan: &OrphanedLock) -> bool {
    let lock = &orphan.lock;
    lock.owner_tid == Some(record.ppid) && lock.owner.as_deref() == Some(&*record.thread)
}

/// Whether the child tries to release a lock that its own thread took before the fork, which fails if the lock records its
/// owner's thread id.
pub fn refuses_release(orphan: &OrphanedLock) -> bool {
    orphan.call.ends_with("unlock")
}

/// The advice for a `stuck_child`.
pub fn for_stuck(stuck: &StuckChild) -> Vec<String> {
    let language = language(stuck.python_stack.as_deref(), [&stuck.stack, &[]]);
    let first = match language {
        Language::Python => {
            "Create objects that use threads (executors, pools, queues with a feeder thread) in the child, for \
             example in a function passed to os.register_at_fork(after_in_child=...)."
        }
        Language::Rust => {
            "Start threads and runtimes (a thread pool, tokio, rayon) in the child after the fork, not before it."
        }
        Language::Native => {
            "Start the threads that the child waits for (a pool, a queue's worker, a runtime) in the child after the fork, not \
             before it."
        }
    };
    let facts = Facts {
        python: stuck.python_stack.as_deref(),
        ..NO_FACTS
    };
    vec![first.into(), about_fork_of_child(&facts, &stuck.stack, language)]
}

/// How a child tells its parent something by a pipe.
const WRITES: [&str; 2] = ["write", "writev"];

/// The advice for a `shared_wakeup` or `shared_fd`.
pub fn for_descriptor(shared: &SharedDescriptor) -> Vec<String> {
    let language = language(shared.python_stack.as_deref(), [&shared.stack, &[]]);
    let first = match (&*shared.fd_type, language) {
        ("file", _) => {
            "Open the file (or the database) again in the child, and close the inherited one there without writing to it."
        }
        ("socket", _) if shared.parent_tids.is_empty() => {
            "Connect in the child, after the fork; close the inherited socket there without a word to the other side."
        }
        (_, Language::Python) => {
            "In the child, make a new event loop (asyncio.run, asyncio.new_event_loop) and leave the parent's alone; call \
             signal.set_wakeup_fd(-1) there before signals arrive."
        }
        (_, Language::Rust) => {
            "Make the runtime (tokio, mio, async-std) in the child, after the fork: the parent's cannot be used there, because \
             none of them has a way to do without the descriptors that both now have."
        }
        _ => {
            "In the child, first close the inherited descriptor and make a new one: most event loops have a function for that \
             (event_reinit, uv_loop_fork, ev_loop_fork, io_context::notify_fork)."
        }
    };
    let mut advice = vec![first.into()];
    if shared.fd_type == "pipe" && WRITES.contains(&&*shared.call) {
        advice.push(
            "If the pipe is there for the child to tell the parent something, close the parent's copy of the child's end after \
             the fork."
                .into(),
        );
    }
    advice
}

/// The advice for a call that a child should not have made.
pub fn for_call(kind: Kind, call: &Call) -> Vec<String> {
    let language = language(call.python_stack.as_deref(), [&call.stack, &[]]);
    let facts = Facts {
        python: call.python_stack.as_deref(),
        ..NO_FACTS
    };
    let about_fork = about_fork_of_child(&facts, &call.stack, language);
    match kind {
        Kind::GuardedCall => {
            let row = call.library.as_deref().and_then(guarded_libraries::row_of);
            let general =
                "Use the library for the first time in the child and never before the fork, or not in the child at all.";
            vec![row.map_or(general, |row| row.mend).into(), about_fork]
        }
        Kind::UnsafeCall if call.python_stack.is_none() => vec![
            "Do this work before the fork and keep the result for the child, or after exec; between the two, call only what \
             signal-safety(7) lists: write(), dup2(), close(), execve(), _exit()."
                .into(),
            about_fork,
        ],
        _ => vec![about_fork],
    }
}

/// The advice for a `slow_handler`.
pub fn for_handler(slow: &SlowHandler) -> String {
    let where_to = match slow.phase {
        Phase::Prepare => "before the copy is made",
        Phase::Parent => "before fork() returns in the parent",
        Phase::Child => "before fork() returns in the child",
    };
    format!(
        "All such handlers run {where_to}. Check what the library does in this one: most often it waits for its own \
         threads or for a lock."
    )
}

/// The advice for the fork: the child's stack shows the framework that forked, but not where.
fn about_fork_of_child(facts: &Facts<'_>, stack: &[Frame], language: Language) -> String {
    match frameworks::advice(facts.python, stack, facts.argv) {
        Some(advice) => advice.into(),
        None if language == Language::Python => python::about_fork_of_child(facts.python),
        None => about_fork(&Facts { python: None, ..*facts }, language),
    }
}

/// What a child knows of the fork it came from.
const NO_FACTS: Facts<'static> = Facts {
    stack: &[],
    python: None,
    threads: &[],
    locks: &[],
    function: "fork",
    argv: None,
    is_python: false,
};

fn language(python: Option<&[PythonFrame]>, stacks: [&[Frame]; 2]) -> Language {
    let any = |is: fn(&Frame) -> bool| stacks.iter().any(|stack| stack.iter().any(is));
    if python.is_some() || any(is_pythons) {
        Language::Python
    } else if stacks.iter().any(|stack| is_rust(stack)) || any(is_rust_lock) {
        Language::Rust
    } else {
        Language::Native
    }
}

/// Whether a frame is the interpreter's, in its own program or embedded in another.
fn is_pythons(frame: &Frame) -> bool {
    let symbol = frame.symbol.as_deref().unwrap_or_default();
    is_interpreters(frame) || symbol.starts_with("_PyEval_") || takes_python_lock(symbol)
}

/// Whether a frame takes or waits for a lock of Rust's.
fn is_rust_lock(frame: &Frame) -> bool {
    let symbol = frame.symbol.as_deref().unwrap_or_default();
    ["parking_lot", "<parking_lot", "std::sync::", "std::sys::sync::", "std::thread::"]
        .iter()
        .any(|name| symbol.starts_with(name))
        // C++ also has a `std::thread`, whose members have C++ names.
        && !symbol.starts_with("std::thread::_")
}

#[cfg(test)]
mod tests;
