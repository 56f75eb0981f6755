//! The cure: holds a fork back until no other thread holds a lock that the library can see.
//!
//! The forking thread closes the gate (`state::settling`) before any at-fork handler runs, waits until the other threads hold nothing,
//! looks again just before the copy, and opens the gate after it. A thread that holds nothing waits at its next lock call
//! (`watch::gate`); one that holds something goes on until it holds nothing. All is bounded: when the time is up, or the holders are
//! seen to wait for this thread or for those at the gate, the gate opens and the fork goes on as it would have.
//!
//! Where Python forks, the holders need the interpreter lock to go on, which the forking thread has. So Python calls [`python`] before its own
//! preparations, and there the thread gives the lock up while it waits.
#![expect(unsafe_code, reason = "a thread word holds a box")]

pub mod python;
mod stuck;
mod wait;

use core::time::Duration;

use forkwatch_process::memory::ProcessMemory;
use forkwatch_state::gate::Closing;

use super::gate;
use super::reporting::{FORKS, TIMEOUT};
use crate::snapshot::alive;
use crate::snapshot::fork_snapshot::Settled;
use crate::snapshot::origin;
use crate::snapshot::place::PlaceVerdict;
use crate::snapshot::{holders, lock_memory};
use crate::state::counts;
use crate::state::fork_call::ForkCall;
use crate::state::held::Entry;
use crate::state::settling::{self, GATE};
use crate::state::thread::{Busy, Thread};
use crate::state::{sandbox, threads, unwind};
use crate::system::errno::KeepErrno;
use crate::system::every_thread;
use crate::system::thread_word::{self, Word};
use crate::system::{clock, python as interpreter, python_calls};
use crate::verdict::{bookkeeping, known, reported};

/// The most locks that a finding says were waited for.
const MAX_SEEN: usize = 8;

/// A fork that is held back, or was.
#[derive(Debug)]
pub(super) struct Settling {
    /// The gate's closing; `None` where the wait was given up.
    closing: Option<Closing>,
    began: Duration,
    /// When the other threads held nothing, or the wait was given up.
    ended: Option<Duration>,
    /// The locks that were waited for, each with its holder's id.
    seen: Vec<(i32, Entry)>,
    /// The calls that fork under it: one in a handler of another is held back with that one. 0 until libc is called.
    calls: u32,
}

impl Settling {
    fn see(&mut self, holder: i32, entry: &Entry) {
        let is_same = |(seen, other): &(i32, Entry)| *seen == holder && other.address == entry.address;
        if self.seen.len() < MAX_SEEN && !self.seen.iter().any(is_same) {
            self.seen.push((holder, *entry));
        }
    }

    /// Whether this very fork has waited in vain before it reached libc.
    fn was_just_given_up(&self) -> bool {
        const SOON: Duration = Duration::from_secs(1);
        let ended = self.ended.filter(|_| self.closing.is_none());
        ended.is_some_and(|ended| clock::since_start().saturating_sub(ended) < SOON)
    }

    fn waited(&self) -> Duration {
        self.ended.unwrap_or_else(clock::since_start).saturating_sub(self.began)
    }
}

/// From now on, forks are held back for at most this many milliseconds; 0 for not at all. False where the kernel refuses the barrier
/// that this needs.
pub fn set_limit(milliseconds: u32) -> bool {
    let is_possible = milliseconds == 0 || every_thread::prepare_barrier();
    settling::set_limit(if is_possible { milliseconds } else { 0 });
    is_possible
}

/// Whether forks are held back now: not once the program has installed a filter, which may kill it at the calls that this needs.
fn are_held_back() -> bool {
    settling::limit().is_some() && !sandbox::is_filtered()
}

/// A function that forks was called: waits until no other thread holds a lock, unless Python's function has done so.
pub fn begin(call: ForkCall) {
    if !are_held_back() {
        return;
    }
    let _errno = KeepErrno::save();
    let Some(thread) = Thread::current() else { return };
    if let Some(settling) = under_way() {
        if GATE.is_closed_by(thread) || settling.was_just_given_up() {
            settling.calls += 1;
            return;
        }
        drop(take());
    }
    if alive::is_alone() || is_in_handler(call) || is_known_to_exec(call) {
        return;
    }
    if let Some(settling) = close(thread, settling::wait) {
        settling.calls = 1;
        wait::natively(thread, settling);
    }
}

/// Whether an earlier fork of this place was found to do nothing but exec, or it is one of `subprocess` without a function to call in the
/// child: with one, Python announces the fork, and has been held back already.
fn is_known_to_exec(call: ForkCall) -> bool {
    let stack = origin::stack_of(Some(call));
    let known = FORKS.with_lock(TIMEOUT, |lock| {
        let place = known::place(lock, stack, &[]);
        reported::verdict(lock, place)
    });
    if let Some(Some(verdict)) = known {
        return verdict == PlaceVerdict::ExecBound;
    }
    python_calls::are_forks_announced() && {
        learn_interpreter();
        let _busy = Busy::from_here();
        bookkeeping::is_fork_exec(stack)
    }
}

/// Whether the fork is made in a signal handler, which may have interrupted anything: it is never held back.
fn is_in_handler(call: ForkCall) -> bool {
    const DEPTH: usize = 64;
    unwind::walk_from_above(call.frame(), DEPTH).is_in_handler()
}

/// Closes the gate, as soon as no other thread's fork keeps it closed, and keeps what is under way; `None` where that takes too long.
/// `wait` waits until the gate opens, for a limited time.
fn close(thread: &'static Thread, wait: impl Fn(Duration)) -> Option<&'static mut Settling> {
    let limit = settling::limit()?;
    if interpreter::found().is_some() {
        learn_interpreter();
    }
    let began = clock::since_start();
    let closing = loop {
        if let Some(closing) = GATE.close(thread) {
            break closing;
        }
        let waited = clock::since_start().saturating_sub(began);
        // Whoever forks may wait for what this thread holds.
        if waited >= limit || gate::holds_any(thread) {
            counts::note_settled(false, waited);
            return None;
        }
        wait(limit.saturating_sub(waited));
    };
    let _busy = Busy::from_here();
    keep(Box::new(Settling {
        closing: Some(closing),
        began,
        ended: None,
        seen: Vec::new(),
        calls: 0,
    }));
    stop_threads(thread);
    under_way()
}

fn learn_interpreter() {
    let _busy = Busy::from_here();
    bookkeeping::learn_interpreter();
}

/// Takes every other thread off its hot path.
fn stop_threads(own: &Thread) {
    let others = threads::all().filter(|(_, _, thread)| !core::ptr::eq(*thread, own));
    let records = others.map(|(_, _, thread)| &**thread);
    GATE.take_off_hot_paths(records, || {
        // It was prepared when forks began to be held back.
        let _prepared = every_thread::barrier();
    });
}

/// Just before the copy: whether the other threads hold nothing, and what was waited for. `None` where the fork was not held back.
pub fn look_again(thread: &'static Thread) -> Option<Settled> {
    let settling = under_way()?;
    if settling.closing.is_some() && !wait::is_clear(thread) {
        // A thread that comes to the gate has an entry for an instant.
        wait::natively(thread, settling);
    }
    let is_clear = settling.closing.is_some_and(|closing| GATE.is_still(closing));
    counts::note_settled(is_clear, settling.waited());
    if !is_clear {
        return None;
    }
    Some(Settled {
        waited: settling.waited(),
        waited_for: core::mem::take(&mut settling.seen),
        released_by_waits: holders::released_by_waits(thread),
    })
}

/// The fork is done, or will not be: lets the other threads go on, unless it was one in a handler of another.
#[inline(always)]
pub fn end() {
    if let Some(settling) = under_way() {
        settling.calls = settling.calls.saturating_sub(1);
        if settling.calls == 0 {
            end_all();
        }
    }
}

/// No fork of this thread is under way any more.
#[cold]
#[inline(never)]
pub fn end_all() {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    if let Some(closing) = take().and_then(|settling| settling.closing) {
        GATE.open(closing);
    }
}

/// In the child: there is nobody to wait for.
#[inline(always)]
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn end_in_child() {
    GATE.open_in_child();
    if thread_word::get(Word::Settling) != 0 {
        // Its memory is leaked, because the child must write as few pages as possible.
        thread_word::set(Word::Settling, 0);
    }
}

/// In the child: a wait for a condition may have ended after the last look, and have taken its mutex again. Its thread was still in libc when
/// it was copied, so what the mutex protects is as the thread had left it for others.
pub fn free_mutexes_of_waits(settled: &Settled) {
    for &(tid, mutex) in &settled.released_by_waits {
        lock_memory::free_of_lost(ProcessMemory::own(), mutex, tid);
    }
}

fn keep(settling: Box<Settling>) {
    thread_word::set(Word::Settling, Box::into_raw(settling) as usize);
}

/// What this thread has under way.
fn under_way() -> Option<&'static mut Settling> {
    let place = thread_word::get(Word::Settling) as *mut Settling;
    // SAFETY: only `keep` sets the word, to a box that it owned; only this thread reaches it, and one reference at a time is used.
    unsafe { place.as_mut() }
}

fn take() -> Option<Box<Settling>> {
    let place = thread_word::get(Word::Settling) as *mut Settling;
    thread_word::set(Word::Settling, 0);
    // SAFETY: only `keep` sets the word, to a box that it owned, and the word was cleared just now.
    (!place.is_null()).then(|| unsafe { Box::from_raw(place) })
}
