//! What a picture of a finding shows: threads as lanes, what each holds across the fork, and how its child ends.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Detail, Lock, Thread, UnsafeFork};
use forkwatch_text::lock;
use forkwatch_text::threads::waits_for_interpreter;
use forkwatch_text::words::count;

use crate::report::finding::{Finding, Outcome, Whole};
use crate::report::place;

/// Threads that get a lane: more are a crowd, not a picture.
const MAX_LANES: usize = 6;

/// Locks drawn of one thread.
const MAX_BARS: usize = 3;

/// Locks drawn in the child.
const MAX_GHOSTS: usize = 3;

/// The content of the picture.
#[derive(Debug, Default)]
pub struct Picture {
    /// What the line across all lanes is.
    pub line: String,
    /// The process that forked; the forking thread first.
    pub lanes: Vec<Lane>,
    /// Its threads without a lane.
    pub left_out: usize,
    /// The forked process; `None` if the line is not a fork.
    pub child: Option<Child>,
}

/// One thread.
#[derive(Debug, Default)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What else is known of it.
    pub note: String,
    /// What it holds at the line.
    pub bars: Vec<Bar>,
    /// Its locks without a bar.
    pub left_out: usize,
    /// It makes the fork.
    pub forks: bool,
    /// It ends at the line.
    pub ends: bool,
}

/// A lock that a thread holds.
#[derive(Debug)]
pub struct Bar {
    /// The lock.
    pub lock: String,
    /// Where it was taken; empty if not known.
    pub place: String,
}

/// The forked process.
#[derive(Debug, Default)]
pub struct Child {
    /// Its process id, where known.
    pub pid: Option<i32>,
    /// Locks whose copy has no holder in the child.
    pub ghosts: Vec<String>,
    /// What it does, worst first.
    pub ends: Vec<End>,
}

/// One thing that the child does.
#[derive(Debug)]
pub struct End {
    /// How it is marked.
    pub mark: Mark,
    /// In words.
    pub words: String,
    /// Where; empty if not known.
    pub place: String,
}

/// The marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It never goes on.
    Hangs,
    /// It does what it should not.
    Risks,
    /// It becomes another program.
    Execs,
    /// It ends.
    Exits,
    /// Nobody knows.
    Unknown,
}

/// The picture of a finding with what its children reported; `None` for a kind that has none.
pub fn of(finding: &Whole<'_>, children: &[Whole<'_>]) -> Option<Picture> {
    let record = finding.example.record.as_ref()?;
    let of_child = |lanes: Vec<Lane>, ghosts: Vec<String>| {
        Some(Picture {
            line: String::from("fork()"),
            lanes,
            left_out: 0,
            child: Some(Child {
                pid: Some(record.pid),
                ghosts,
                ends: vec![child_end(finding)?],
            }),
        })
    };
    match &record.detail {
        Detail::UnsafeFork(fork) => Some(of_fork(finding, fork, &record.thread, children)),
        Detail::OrphanedLock(orphan) => of_child(vec![holder(&orphan.lock)], vec![lock_name(&orphan.lock)]),
        Detail::PossibleDeadlock(possible) => of_child(
            vec![Lane {
                note: String::from("takes the lock, too"),
                ..holder(&possible.lock)
            }],
            Vec::new(),
        ),
        Detail::SharedDescriptor(shared) => of_child(of_parent(&shared.parent_tids), Vec::new()),
        Detail::StuckChild(stuck) => of_child(of_parent(&stuck.parent_tids), Vec::new()),
        Detail::Call(_) => of_child(of_parent(&[]), Vec::new()),
        Detail::LeakedLock(leak) => Some(Picture {
            line: String::from("the thread ends"),
            lanes: vec![Lane {
                ends: true,
                ..holder(&leak.lock)
            }],
            left_out: 0,
            child: None,
        }),
        Detail::SlowHandler(_) | Detail::ForkOutcome(_) | Detail::Summary(_) => None,
    }
}

fn of_fork(finding: &Whole<'_>, fork: &UnsafeFork, caller: &str, children: &[Whole<'_>]) -> Picture {
    let is_held = |thread: &&Thread| fork.locks.iter().any(|lock| lock.owner_tid == Some(thread.tid));
    let (holders, others): (Vec<&Thread>, Vec<&Thread>) = fork.threads.iter().partition(is_held);
    let mut lanes = vec![Lane {
        name: caller.to_owned(),
        note: String::from("forks"),
        forks: true,
        ..Lane::default()
    }];
    lanes.extend(
        holders
            .iter()
            .chain(&others)
            .take(MAX_LANES)
            .map(|thread| lane(thread, &fork.locks)),
    );
    let left_out = fork.threads.len().saturating_sub(MAX_LANES);
    // A holder that is not in the list of threads, or is not known.
    let is_known = |lock: &&Lock| fork.threads.iter().any(|thread| lock.owner_tid == Some(thread.tid));
    lanes.extend(fork.locks.iter().filter(|lock| !is_known(lock)).take(1).map(holder));
    let mut ends: Vec<End> = children.iter().filter_map(child_end).collect();
    if ends.is_empty() {
        ends.push(remaining_end(finding));
    }
    // The lock that a child needs comes first: it is the one that matters.
    let asked = children.iter().filter_map(|child| match child.example.detail() {
        Some(Detail::OrphanedLock(orphan)) => Some(lock_name(&orphan.lock)),
        _ => None,
    });
    let mut ghosts: Vec<String> = Vec::new();
    for ghost in asked.chain(fork.locks.iter().map(lock_name)) {
        if !ghosts.contains(&ghost) && ghosts.len() < MAX_GHOSTS {
            ghosts.push(ghost);
        }
    }
    Picture {
        line: format!("{}()", fork.fork.function),
        lanes,
        left_out,
        child: Some(Child {
            pid: fork.fork.child_pid,
            ghosts,
            ends,
        }),
    }
}

fn lane(thread: &Thread, locks: &[Lock]) -> Lane {
    let own: Vec<&Lock> = locks.iter().filter(|lock| lock.owner_tid == Some(thread.tid)).collect();
    let native = thread.stack.as_deref().unwrap_or_default();
    let place = place::of_stack(native, thread.python_stack.as_deref())
        .map_or_else(String::new, |place| format!(" at {}", place.in_words()));
    let waiting = thread.waiting.as_ref().filter(|_| !waits_for_interpreter(thread));
    let now = waiting.map_or_else(|| String::from("runs"), |waiting| format!("waits in {}", waiting.call));
    Lane {
        name: thread.name.clone(),
        note: format!("{now}{place}"),
        left_out: own.len().saturating_sub(MAX_BARS),
        bars: own.into_iter().take(MAX_BARS).map(taken).collect(),
        ..Lane::default()
    }
}

/// A lane known only through its lock.
fn holder(lock: &Lock) -> Lane {
    let thread = lock.owner_tid.map(|tid| format!("thread {tid}"));
    Lane {
        name: lock
            .owner
            .clone()
            .or(thread)
            .unwrap_or_else(|| String::from("an unidentified thread")),
        note: String::from("holds the lock"),
        bars: vec![taken(lock)],
        ..Lane::default()
    }
}

/// Lanes of a parent about which the record says little.
fn of_parent(tids: &[i32]) -> Vec<Lane> {
    let plain = |name: String, note: &str| Lane {
        name,
        note: note.to_owned(),
        ..Lane::default()
    };
    if tids.is_empty() {
        return vec![plain(String::from("parent"), "a process with several threads")];
    }
    tids.iter()
        .take(MAX_LANES)
        .map(|tid| plain(format!("thread {tid}"), "the child waits for it"))
        .collect()
}

fn lock_name(lock: &Lock) -> String {
    let kind = lock::kind_of(lock);
    match &lock.name {
        Some(name) => format!("{kind} \"{name}\""),
        None => format!("{kind} at {}", lock.address),
    }
}

fn taken(lock: &Lock) -> Bar {
    Bar {
        lock: lock_name(lock),
        place: place::of_acquisition(lock).map_or_else(String::new, |place| place.in_words()),
    }
}

/// What a record of a child says that the child does.
fn child_end(child: &Whole<'_>) -> Option<End> {
    let detail = child.example.detail()?;
    let place = place::of_finding(child).map_or_else(String::new, |place| place.in_words());
    let mark = if child.severity == Severity::Fatal {
        Mark::Hangs
    } else {
        Mark::Risks
    };
    let words = match (detail, mark) {
        (Detail::OrphanedLock(orphan), Mark::Hangs) => format!("hangs in {}", orphan.call),
        (Detail::OrphanedLock(orphan), _) if !orphan.blocking => format!("{} never succeeds", orphan.call),
        (Detail::OrphanedLock(orphan), _) => format!("may hang in {}", orphan.call),
        (Detail::PossibleDeadlock(possible), _) => format!("can hang in {}", possible.call),
        (Detail::SharedDescriptor(shared), _) => format!("{} on descriptor {}", shared.call, shared.fd),
        (Detail::StuckChild(stuck), _) => format!("hangs in {}", stuck.call),
        (Detail::Call(call), _) => format!("calls {}", call.call),
        _ => return None,
    };
    Some(End { mark, words, place })
}

/// What is known about the children that reported nothing.
fn remaining_end(finding: &Finding) -> End {
    let (mark, words) = match finding.outcome {
        Outcome::Deadlock => (Mark::Hangs, "a child hangs"),
        Outcome::Exec => (Mark::Execs, "goes on to exec"),
        Outcome::Exit => (Mark::Exits, "ended"),
        Outcome::Unknown => (Mark::Unknown, "reported nothing"),
    };
    End {
        mark,
        words: words.to_owned(),
        place: String::new(),
    }
}

/// The words and a text, or nothing if the text is empty.
fn after(words: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{words}{text}")
    }
}

impl Picture {
    /// The same as text, for screen readers.
    pub fn in_words(&self) -> String {
        let mut sentences = Vec::new();
        for lane in &self.lanes {
            for bar in &lane.bars {
                sentences.push(format!(
                    "Thread \"{}\" holds {}{} across {}.",
                    lane.name,
                    bar.lock,
                    after(", taken at ", &bar.place),
                    self.line
                ));
            }
        }
        let threads = (self.lanes.iter().filter(|lane| !lane.forks).count() + self.left_out) as u64;
        if sentences.is_empty() {
            let alive = count(threads, "other thread is", "other threads are");
            sentences.push(format!("{alive} alive at {}.", self.line));
        }
        for end in self.child.iter().flat_map(|child| &child.ends) {
            sentences.push(format!("The child: {}{}.", end.words, after(" at ", &end.place)));
        }
        sentences.join(" ")
    }
}
