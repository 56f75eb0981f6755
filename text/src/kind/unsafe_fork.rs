//! The text of `unsafe_fork`: a process with several threads forked.

use forkwatch_schema::record::{Lock, LockKind, Record, Settled, UnsafeFork};

use super::{CAN_HANG, Kind, Why};
use crate::page::Page;
use crate::shorten::{self, quoted};
use crate::words::count_of;
use crate::{frames, lock, locks, threads};

/// Locks shown in full; the others are only counted.
const MAX_LOCKS: usize = 8;

impl Kind for UnsafeFork {
    /// `fork() in thread "main" (pid 4242) while thread "keeper" holds a mutex`.
    fn headline(&self, record: &Record) -> String {
        let call = format!(
            "{}() in thread {} (pid {})",
            self.fork.function,
            quoted(&record.thread),
            forking_process(record, self)
        );
        match &self.settled {
            Some(settled) => format!("{call} while {}: {}", situation(record, self), held_back(settled)),
            None => format!("{call} while {}", situation(record, self)),
        }
    }

    fn stopped(&self, option: &str) -> String {
        format!("The fork was stopped before a child was created, as {option} requests.")
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, stopped: bool) {
        write_fork(page, record, self, stopped);
        threads::write(page, record, self);
        write_locks(page, record, self);
        if let Some(settled) = &self.settled {
            write_settled(page, record, settled);
        }
    }

    fn why(&self, _record: &Record) -> Option<Why> {
        if self.settled.is_some() {
            return Some(Why::new(
                "What remains:",
                "No other thread held a lock that forkwatch can see when the child was made, so the child does not hang on \
                 one. It still lacks the other threads: it hangs if it waits for one of them, or needs a lock that \
                 forkwatch cannot see.",
            ));
        }
        if !self.locks.is_empty() && self.locks.iter().all(|lock| lock.made_anew) {
            return Some(Why::new(
                CAN_HANG,
                "The child makes each lock above anew before it runs code of its own, so it does not hang on them. \
                 forkwatch saw no other lock held here, but it cannot see every lock inside libc and other libraries. A \
                 lock that another thread holds at that moment stays locked in the child for ever, and the child hangs \
                 as soon as it needs that lock.",
            ));
        }
        if self.locks.is_empty() {
            return Some(Why::new(
                CAN_HANG,
                "The child gets a copy of every lock, but only one thread: the one that called fork. forkwatch saw no \
                 lock held here, but it cannot see every lock inside libc and other libraries. A lock that another \
                 thread holds at that moment stays locked in the child for ever, and the child hangs as soon as it \
                 needs that lock.",
            ));
        }
        let mut why = Why::new(
            CAN_HANG,
            "The child gets a copy of every lock, but only one thread: the one that called fork. A lock that another \
             thread holds at that moment stays locked in the child for ever, and the child hangs as soon as it needs \
             that lock.",
        );
        let only = |kind: LockKind| can_hang(self).all(|lock: &Lock| lock.kind == kind);
        if only(LockKind::Spinlock) {
            why.reasons
                .push("It then spins and keeps one processor fully busy.".to_owned());
        } else if only(LockKind::RwlockRead) {
            why.reasons
                .push("Readers in the child can still take it; a writer waits for ever.".to_owned());
        }
        Some(why)
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        self.advice.clone()
    }
}

/// The locks that the child does not make anew.
fn can_hang(detail: &UnsafeFork) -> impl Iterator<Item = &Lock> {
    detail.locks.iter().filter(|lock| !lock.made_anew)
}

/// The process that forked: the writer, or its parent where a child writes what its parent has not.
const fn forking_process(record: &Record, detail: &UnsafeFork) -> i32 {
    if is_told_by_child(record, detail) {
        record.ppid
    } else {
        record.pid
    }
}

const fn is_told_by_child(record: &Record, detail: &UnsafeFork) -> bool {
    matches!(detail.fork.child_pid, Some(child) if child == record.pid)
}

/// Who does what meanwhile.
fn situation(record: &Record, detail: &UnsafeFork) -> String {
    // A thread that nobody named bears the name of the one that made it: the reader must not take the two for one.
    let is_namesake = |name: &str| name == record.thread && !name.is_empty();
    let Some(first) = can_hang(detail).next() else {
        return match detail.threads.as_slice() {
            [thread] if is_namesake(&thread.name) => {
                format!("another thread called {} is alive", quoted(&thread.name))
            }
            [thread] => format!("thread {} is alive", quoted(&thread.name)),
            threads => {
                let all = record.uncut("threads", threads.len());
                format!("{} are alive", count_of(all, "other thread", "other threads"))
            }
        };
    };
    let owner = match &first.owner {
        Some(name) if is_namesake(name) => format!("another thread called {}", quoted(name)),
        _ => lock::owner_in_words(first),
    };
    let anew = detail.locks.len() - can_hang(detail).count();
    let all = record.uncut("locks", detail.locks.len()) - anew;
    let one_owner = can_hang(detail).all(|lock| lock.owner_tid == first.owner_tid);
    if all == 1 {
        format!("{owner} holds {}", lock::as_held(first))
    } else if one_owner && first.owner_tid.is_some() {
        format!("{owner} holds {all} locks")
    } else {
        format!("other threads hold {all} locks")
    }
}

fn write_fork(page: &mut Page<'_>, record: &Record, detail: &UnsafeFork, stopped: bool) {
    let fork = &detail.fork;
    let continues_in_background = fork.function == "daemon" && !stopped;
    // A record does not say why the child's id is missing: the fork was stopped, or the parent did not learn it.
    let (verb, child) = match fork.child_pid {
        _ if stopped => ("requested", String::new()),
        Some(pid) => ("called", format!(", child pid {pid}")),
        None if continues_in_background => ("called", String::new()),
        None => ("called", ", no child recorded".to_owned()),
    };
    let program = shorten::path(&record.exe, page.style);
    // The child's only thread has another id than the one that it is a copy of.
    let id = if is_told_by_child(record, detail) {
        format!("pid {}", record.ppid)
    } else {
        format!("tid {}", record.tid)
    };
    let about = format!("{verb} by thread {} ({id}) of {program}{child}", quoted(&record.thread));
    page.heading(&format!("{}() ", fork.function), &about);
    frames::write(page, 2, fork.python_stack.as_deref(), &fork.stack);
    if continues_in_background {
        page.sentences(
            2,
            "The process ends here and continues in the background as its child, without its other threads.",
        );
    }
    if fork.exec_bound {
        page.sentences(
            2,
            "The caller usually does nothing in the child except exec. This child did more before it.",
        );
    }
}

/// What a settled fork waited for.
fn write_settled(page: &mut Page<'_>, record: &Record, settled: &Settled) {
    let total = settled.waited_for.len();
    for (number, lock) in settled.waited_for.iter().enumerate() {
        page.gap();
        let label = if total == 1 {
            String::from("Waited for")
        } else {
            format!("Waited for {} of {total}", number + 1)
        };
        // What its holder does now no longer matters.
        locks::write(page, &label, lock, &[], record);
    }
}

/// `held back 1.2 ms until no other thread held a lock`.
fn held_back(settled: &Settled) -> String {
    if settled.waited_for.is_empty() {
        return "no other thread held a lock".to_owned();
    }
    let milliseconds = settled.waited_us.div_ceil(100);
    let (whole, tenth) = (milliseconds / 10, milliseconds % 10);
    format!("held back {whole}.{tenth} ms until no other thread held a lock")
}

fn write_locks(page: &mut Page<'_>, record: &Record, detail: &UnsafeFork) {
    let total = record.uncut("locks", detail.locks.len());
    for (number, lock) in detail.locks.iter().enumerate().take(MAX_LOCKS) {
        page.gap();
        let label = if total == 1 {
            String::from("Lock")
        } else {
            format!("Lock {} of {total}", number + 1)
        };
        locks::write(page, &label, lock, &detail.threads, record);
    }
    let left_out = total - detail.locks.len().min(MAX_LOCKS);
    if left_out > 0 {
        page.plain(0, &format!("... and {}", count_of(left_out, "more lock", "more locks")));
    }
}
