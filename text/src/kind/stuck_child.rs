//! The text of `stuck_child`: a child with one thread waits for what only a lost thread would have done.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{LostThread, Record, StuckChild, TimedWaits, WaitObject};

use super::{BY_SIGNAL, CAN_HANG, HANGS, Kind, Why, child};
use crate::advice::child as advice;
use crate::lock::MAX_NAMED;
use crate::page::Page;
use crate::shorten::quoted;
use crate::words::{count, count_of};

impl Kind for StuckChild {
    /// `forked child (pid 4243) waits for ever in pthread_cond_wait: the thread that would end the wait was not copied`.
    fn headline(&self, record: &Record) -> String {
        let waits = match self.timed_waits {
            Some(_) => "waits again and again",
            None if is_certain(record) => "waits for ever",
            None => "may wait for ever",
        };
        if self.call.ends_with("_destroy") {
            return format!(
                "forked child (pid {}) {waits} in {}: the threads that wait for the condition were not copied",
                record.pid, self.call
            );
        }
        format!(
            "forked child (pid {}) {waits} in {}: the thread that would end the wait was not copied",
            record.pid, self.call
        )
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
        page.gap();
        let address = self
            .address
            .as_ref()
            .map_or_else(String::new, |address| format!(" at {address}"));
        let name = self
            .name
            .as_ref()
            .map_or_else(String::new, |name| format!(" {}", quoted(name)));
        page.heading("Waits for: ", &format!("{}{name}{address}", in_words(self.object)));
        if let Some(timed) = self.timed_waits {
            page.sentences(2, &so_far(timed));
        }
        if !self.parent_tids.is_empty() {
            page.sentences(2, &format!("At the fork, {}.", users(self)));
        }
        let servers: Vec<_> = self
            .lost_threads
            .iter()
            .filter(|lost| !self.parent_tids.contains(&lost.tid))
            .collect();
        if !servers.is_empty() {
            page.sentences(2, &served_by(&servers));
        }
    }

    fn why(&self, record: &Record) -> Option<Why> {
        if self.call.ends_with("_destroy") {
            let words = "libc waits here until each thread that waits for the condition has left it. Those that waited at the fork exist only \
                         in the parent, so nobody in the child will.";
            return Some(Why::new(HANGS, words));
        }
        let does = match self.object {
            WaitObject::Futex => "wake it",
            WaitObject::Condition => "signal it",
            WaitObject::Semaphore => "post it",
            WaitObject::Mutex | WaitObject::Rwlock => "release it",
        };
        let (outcome, unless) = if is_certain(record) {
            (HANGS, "")
        } else {
            (CAN_HANG, BY_SIGNAL)
        };
        let (outcome, unless, how) = match self.timed_waits {
            Some(_) => (HANGS, "", "again and again, until each time-out"),
            None => (outcome, unless, "without a time-out"),
        };
        Some(Why::new(
            outcome,
            format!(
                "The child has only the thread that called fork, and that thread waits here {how}. \
                 Nobody is left to {does}: the thread that would have done so exists only in the parent.{unless}"
            ),
        ))
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        advice::for_stuck(self)
    }
}

/// Whether nothing at all can end the wait.
fn is_certain(record: &Record) -> bool {
    record.severity == Severity::Fatal
}

/// `It has waited 62 times in 3.1 s, each time until the time-out, and done nothing else.`
fn so_far(timed: TimedWaits) -> String {
    format!(
        "It has waited {} in {}.{} s, each time until the time-out, and done nothing else.",
        count(timed.count.into(), "time", "times"),
        timed.milliseconds / 1000,
        timed.milliseconds % 1000 / 100
    )
}

/// `Thread "fsspecIO" (tid 4243), which would have ended the wait, exists only in the parent.`
fn served_by(threads: &[&LostThread]) -> String {
    let (named, more) = list(threads.iter().map(|thread| in_quotes(thread)));
    match threads {
        [_] => format!("Thread {named}, which would have ended the wait, exists only in the parent."),
        _ => format!("Threads {named}{more}, one of which would have ended the wait, exist only in the parent."),
    }
}

/// `"fsspecIO" (tid 4243)`.
fn in_quotes(thread: &LostThread) -> String {
    let name = thread
        .name
        .as_deref()
        .map_or_else(String::new, |name| format!("{} ", quoted(name)));
    format!("{name}(tid {})", thread.tid)
}

/// The first of them, and how many are left out.
fn list(words: impl ExactSizeIterator<Item = String>) -> (String, String) {
    let more = match words.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (words.take(MAX_NAMED).collect::<Vec<_>>().join(", "), more)
}

/// `2 threads of the parent waited for it too (tid 4243 "worker", 4244 "worker")`.
fn users(stuck: &StuckChild) -> String {
    let StuckChild {
        parent_tids: tids,
        object,
        lost_threads,
        ..
    } = stuck;
    let name = |tid: &i32| match lost_threads.iter().find(|thread| thread.tid == *tid) {
        Some(LostThread { name: Some(name), .. }) => format!("{tid} {}", quoted(name)),
        _ => tid.to_string(),
    };
    let (named, more) = list(tids.iter().map(name));
    let who = count_of(tids.len(), "thread", "threads");
    let did = match object {
        WaitObject::Condition | WaitObject::Futex => "waited for it too",
        WaitObject::Semaphore | WaitObject::Mutex | WaitObject::Rwlock => "waited for it or held it",
    };
    format!("{who} of the parent {did} (tid {named}{more})")
}

const fn in_words(object: WaitObject) -> &'static str {
    match object {
        WaitObject::Futex => "a futex (the wait that libraries build their locks on)",
        WaitObject::Condition => "a condition variable",
        WaitObject::Semaphore => "a semaphore",
        WaitObject::Mutex => "a mutex",
        WaitObject::Rwlock => "a read-write lock",
    }
}
