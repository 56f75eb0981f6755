//! The fork that is under way: looked at before the copy, told after it.
#![expect(unsafe_code, reason = "what is under way belongs to the holder of a lock")]

use core::cell::UnsafeCell;

use super::{FORKS, LEAST_ROOM, in_own_room, say_that_memory_is_short, strict};
use crate::config;
use crate::snapshot::alive::{self, Alive};
use crate::state::depot::{self, StackId};
use crate::state::fork_call::ForkCall;
use crate::state::thread::Thread;
use crate::state::unwind;
use crate::system::thread_word::{self, Word};
use crate::system::{allocator, big_stack};
use crate::watch::report;
use crate::watch::story::Story;

/// So much of the thread's own stack must be left for the quick look, which then touches no page of another one.
const ROOM: usize = 64 * 1024;

/// The last fork that was only counted.
struct Counted(UnsafeCell<Option<Box<Story>>>);

// SAFETY: only the holder of the report lock looks inside.
unsafe impl Sync for Counted {}

/// Mostly the next one is like it, and then nothing has to be written for it, which would
/// cost a page fault at every fork.
#[unsafe(link_section = ".data.forkwatch_fork")]
static COUNTED: Counted = Counted(UnsafeCell::new(None));

/// Keeps the story of a fork that was only counted for the next one.
///
/// # Safety
/// The caller holds the lock on all telling.
unsafe fn keep_counted(story: Box<Story>) {
    // SAFETY: the caller's promise.
    unsafe { *COUNTED.0.get() = Some(story) };
}

/// A fork that is only counted. This thread holds the lock on all telling.
fn counted(known: report::Known) -> Box<Story> {
    // SAFETY: as the caller says.
    let last = unsafe { (*COUNTED.0.get()).take() };
    last.filter(|last| last.origin == known.origin && last.python_locks == known.python_locks)
        .unwrap_or_else(|| Story::new(known.origin, None, known.python_locks))
}

/// In the parent, after the copy: what is to be told becomes this thread's alone, and waits without any lock until the program's own
/// handlers have run, who may take long or never come back. This thread holds the lock on all telling.
pub(super) fn keep_or_count(mut story: Option<Box<Story>>) {
    if let Some(counted) = story.take_if(|story| story.seen.is_none()) {
        // SAFETY: as the caller says.
        unsafe { keep_counted(counted) };
    }
    keep(story);
}

/// This thread has that to tell of its fork.
pub(super) fn keep(story: Option<Box<Story>>) {
    let place = story.map_or(core::ptr::null_mut(), Box::into_raw);
    thread_word::set(Word::Story, place as usize);
}

/// Whether this thread has anything to tell of its fork.
pub(super) fn has_kept() -> bool {
    thread_word::get(Word::Story) != 0
}

/// What this thread has to tell of its fork; there is nothing afterwards.
pub(super) fn take_kept() -> Option<Box<Story>> {
    let story = thread_word::get(Word::Story) as *mut Story;
    thread_word::set(Word::Story, 0);
    // SAFETY: only `keep` sets the word, to a box of its own, and the word is empty again.
    (!story.is_null()).then(|| unsafe { Box::from_raw(story) })
}

/// Looks at the other threads, and under strict decides. This thread holds the lock on all telling.
pub(super) fn look(thread: &Thread, call: Option<ForkCall>) {
    // The walk needs this very stack; the rest may need more than is left of it.
    let stack = fork_stack(call);
    let function = call.map_or("fork", |call| call.way.function);
    let story = examine(thread, function, stack);
    let stopped = story.as_ref().is_some_and(|fork| fork.stopped);
    // SAFETY: this thread holds the lock.
    unsafe { FORKS.put(story) };
    if stopped {
        strict::stop_unless_it_fails();
    }
}

/// Where the fork was called.
pub(super) fn fork_stack(call: Option<ForkCall>) -> StackId {
    let depth = config::get().depth;
    let walked = match call {
        Some(call) => unwind::walk_from_above(call.frame(), depth),
        None => unwind::walk_from_caller(depth),
    };
    depot::intern(walked.frames())
}

/// What there is to tell of a fork; `None` where no other thread is left.
pub(super) fn examine(thread: &Thread, function: &'static str, stack: StackId) -> Option<Box<Story>> {
    let own = rustix::thread::gettid().as_raw_nonzero().get();
    let quick_look = || {
        let look = |alive: &[Alive]| (!alive.is_empty()).then(|| report::known(function, stack, alive));
        alive::with_recorded(own, look).or_else(|| look(&alive::others(own)))
    };
    let looked = if thread.has_room(ROOM) {
        big_stack::run_here(quick_look)
    } else {
        big_stack::run(quick_look)
    };
    let known = looked.flatten()?;
    if known.is_counted {
        return Some(counted(known));
    }
    if !allocator::has_room(LEAST_ROOM) {
        say_that_memory_is_short();
        return Some(Story::new(known.origin, None, known.python_locks));
    }
    big_stack::run(|| look_closer(known, own)).flatten()
}

fn look_closer(known: report::Known, own: i32) -> Option<Box<Story>> {
    let mut story = report::news(known, alive::others(own))?;
    strict::decide(&mut story);
    Some(story)
}

/// Tells what there is to tell of a fork.
pub(super) fn tell(fork: &mut Story, child: Option<i32>) {
    let Some(moment) = &fork.seen else { return };
    let judged = fork.judged.take();
    in_own_room(|| {
        let judgement = judged.unwrap_or_else(|| report::judge(moment));
        report::unsafe_fork(judgement, child, fork.stopped, moment.told_before);
        report::remember(moment);
    });
}
