//! The forks with other threads that made this process: what the parent saw of each, and what its child found out.
//!
//! The parent prepares a [`Story`] whole. Its child only keeps it ([`begin`]), which writes to no other page than a fork writes
//! to in any case; the list that findings look into is made when it is first needed.
#![expect(unsafe_code, reason = "the stories of this process's forks")]

use forkwatch_process::cpython::Held;
use forkwatch_schema::record::{Detail, Record};
use forkwatch_state::line::Line;

use super::counts;
use super::judge::{self, Judgement};
use super::tell::tell;
use crate::snapshot::moment::Moment;
use crate::snapshot::origin::{ForkId, Origin};
use crate::snapshot::place::Verdict;
use crate::system::{process, task};

/// One fork beside other threads.
#[derive(Debug)]
pub struct Story {
    /// Where it comes from.
    pub origin: Origin,
    /// What the parent saw, where it had something new to tell.
    pub seen: Option<Moment>,
    /// The locks of CPython's that pass no hook, with their holders' ids.
    pub python_locks: Vec<(Held, i32)>,
    /// What strict mode has already found; `None` where nobody has judged yet.
    pub judged: Option<Judgement>,
    /// Strict says no, but the copy could not be avoided: the child ends at once.
    pub stopped: bool,
    /// The child itself, not one of its own children; 0 in the parent.
    pub child: i32,
    /// In the child: what the tables say that were copied.
    pub inherited: Option<Moment>,
    /// In the child: whether the parent's record tells of the fork; `None` while nobody asked.
    pub told: Option<bool>,
}

impl Story {
    /// A fork that is about to happen.
    pub fn new(origin: Origin, seen: Option<Moment>, python_locks: Vec<(Held, i32)>) -> Box<Self> {
        Box::new(Self {
            origin,
            seen,
            python_locks,
            judged: None,
            stopped: false,
            child: 0,
            inherited: None,
            told: None,
        })
    }

    /// What Python calls the thread that forks, whose copy is the child's first; `None` where that was not looked at.
    pub fn name_of_forking(&self) -> Option<&str> {
        self.seen.as_ref()?.python.as_ref()?.own_name.as_deref()
    }

    /// What a thread of the parent is called, as far as that can still be told.
    pub fn name_of_lost(&self, tid: i32) -> Option<Vec<u8>> {
        let named = |moment: &Moment| {
            let thread = moment.threads.iter().find(|thread| thread.tid == tid)?;
            (!thread.name.is_empty()).then(|| thread.name.clone())
        };
        self.seen
            .as_ref()
            .and_then(named)
            .or_else(|| task::name_in(self.origin.process, tid))
    }
}

/// What every thread of a child may read of its fork, also while another one reports and changes the rest.
#[derive(Debug, Default)]
struct ReadByAll {
    /// The child itself, not one of its own children.
    child: i32,
    /// Whether the parent saw something new.
    has_news: bool,
    /// The `pthread_t` and the id of each thread that was lost.
    lost: Vec<(usize, i32)>,
}

#[unsafe(link_section = ".data.forkwatch_fork")]
static LINE: Line<ReadByAll, Box<Story>> = Line::none();

/// The fork of this number.
///
/// # Safety
/// The caller is the only thread of a child, or holds the lock on all telling, and has no other reference to the same fork.
pub unsafe fn of(number: usize) -> Option<&'static mut Story> {
    // SAFETY: the caller's promise. A fork that is in the list stays.
    unsafe { LINE.locked(number, |story| &mut **story) }
}

/// This process is the child of this fork.
///
/// # Safety
/// This thread is the only one.
#[unsafe(link_section = ".text.forkwatch_child")]
pub unsafe fn begin(story: Box<Story>) {
    // SAFETY: the caller's promise.
    unsafe {
        if LINE.is_unsettled() {
            // The process that forked has not settled its own fork: its threads were made around libc.
            settle(|_| ());
        }
        LINE.begin(story, process::id());
    }
}

/// This process looks up what it inherited, if it has not yet.
///
/// # Safety
/// This thread is the only one.
pub unsafe fn settle(inherit: impl FnOnce(&mut Story)) {
    let read = |story: &mut Box<Story>, child| {
        story.child = child;
        inherit(story);
        let lost = story.inherited.iter().flat_map(|moment| &moment.threads);
        ReadByAll {
            child,
            has_news: story.seen.is_some(),
            lost: lost.map(|thread| (thread.handle, thread.tid)).collect(),
        }
    };
    // SAFETY: the caller's promise.
    unsafe { LINE.settle(read) };
}

/// Whether this process was made by a fork in which its parent saw something new. Changes nothing, so that the child of a
/// `vfork` may ask.
pub fn made_with_news(process: i32) -> bool {
    LINE.newest(
        |story, child| child == process && story.seen.is_some(),
        |read| read.child == process && read.has_news,
    )
    .unwrap_or(false)
}

/// The number of the fork that made this process, or one that it descends from.
pub fn newest_number() -> usize {
    LINE.count().saturating_sub(1)
}

/// The id of the lost thread with this `pthread_t`; 0 where there is none.
pub fn lost_with(handle: usize) -> i32 {
    let find = |read: &ReadByAll| read.lost.iter().find(|lost| lost.0 == handle).map(|lost| lost.1);
    let found = if handle == 0 {
        None
    } else {
        LINE.newest(|_, _| None, find)
    };
    found.flatten().unwrap_or(0)
}

/// Tells of the fork itself, where its parent took the caller for one that does nothing but exec. Whether it did.
pub fn tell_unless_told(story: &mut Story) -> bool {
    if let Some(told) = story.told {
        return !told;
    }
    let parent_tells = match story.origin.known {
        Some(Verdict::ExecBound) => false,
        Some(_) => true,
        None => story
            .seen
            .as_ref()
            .is_none_or(|seen| !matches!(judge::judge(seen), Judgement::ExecBound)),
    };
    story.told = Some(parent_tells);
    if parent_tells {
        return false;
    }
    story.origin.id = ForkId::make();
    if let Some(record) = record_of(story) {
        tell(&record, None);
    }
    true
}

/// The record of an exec-bound fork, as its parent would have written it.
fn record_of(story: &mut Story) -> Option<Record> {
    let mut moment: Moment = story.seen.take().or_else(|| story.inherited.take())?;
    moment.origin = story.origin;
    for thread in moment.threads.iter_mut().filter(|thread| thread.name.is_empty()) {
        thread.name = task::name_in(story.origin.process, thread.tid).unwrap_or_default();
    }
    let mut record = judge::judge_although_exec_bound(&moment)?;
    if let Detail::UnsafeFork(detail) = &mut record.detail {
        detail.fork.child_pid = Some(story.child);
        detail.fork.exec_bound = true;
    }
    counts::UNSAFE_FORKS.add();
    story.seen = Some(moment);
    Some(record)
}
