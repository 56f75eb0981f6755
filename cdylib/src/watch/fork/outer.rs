//! A fork inside of another one of the same thread: by an at-fork handler, or by a signal handler that interrupts one. Each
//! has its own finding, and the outer one's waits until the inner one's is told.
#![expect(unsafe_code, reason = "what is under way belongs to the holder of a lock")]

use core::ptr::NonNull;

use lock_api::RawMutex;

use super::{HOUSE, PATIENCE, UNKNOWN_CHILD, pending, settle};
use crate::state::fork_call::{self, Copying, ForkCall};
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::watch::story::Story;

/// What is under way in this thread while another fork begins. It lies in a hook's frame during the real call, so it has no
/// destructor: a thread that leaves the call on another way runs none.
#[derive(Clone, Copy)]
#[must_use]
pub(super) enum Outer {
    /// Nothing that the inner fork could disturb.
    Nothing,
    /// A fork that is about to be copied. Our locks are held for it, and the inner one passes unwatched.
    Copying,
    /// A fork whose finding, if there is one, waits to be told; the box is given away.
    Told(Option<NonNull<Story>>),
}

impl Outer {
    /// Sets aside what is under way, and gives back the lock on all telling where that is held for it.
    pub fn set_aside(inner: ForkCall) -> Self {
        if was_left_before(inner) {
            end_left_fork();
        }
        match Copying::now() {
            Copying::Prepared => Self::Copying,
            Copying::Settling => {
                let _errno = KeepErrno::as_it_is();
                let _busy = Busy::from_here();
                // SAFETY: this thread holds `HOUSE` since it was prepared.
                let story = unsafe { pending::take() };
                Copying::No.note();
                // SAFETY: as above.
                unsafe { HOUSE.unlock() };
                Self::Told(story.and_then(|story| NonNull::new(Box::into_raw(story))))
            }
            _ => Self::Nothing,
        }
    }

    /// In the parent: the inner fork is done, the outer one goes on. In the child it belongs to the parent, and its memory stays,
    /// as the child shall write as little as it can.
    pub fn go_on(self) {
        match self {
            Self::Nothing => {}
            Self::Copying => Copying::Prepared.note(),
            Self::Told(story) => {
                let _errno = KeepErrno::as_it_is();
                let _busy = Busy::from_here();
                // SAFETY: `set_aside` gave the box away, and this is the one call that takes it back.
                let story = story.map(|story| unsafe { Box::from_raw(story.as_ptr()) });
                if HOUSE.lock_within(PATIENCE) {
                    // SAFETY: this thread took the lock just now.
                    unsafe { pending::put_back(story) };
                    Copying::Settling.note();
                }
            }
        }
    }
}

/// Whether the fork that seems to be under way was left by a jump: its caller's frame lies where this one's does, or deeper.
fn was_left_before(inner: ForkCall) -> bool {
    let (Some(outer), Some(thread)) = (fork_call::current(), Thread::even_if_busy()) else {
        return false;
    };
    // On a stack of another kind, as a signal handler may have, the order of addresses says nothing.
    let are_on_one_stack = [inner, outer]
        .iter()
        .all(|call| thread.has_on_stack(call.stack_pointer));
    are_on_one_stack && outer.stack_pointer <= inner.stack_pointer
}

/// The program has left a fork by a jump out of a handler, or its thread ends in there: what waits is told, and no lock kept.
pub fn end_left_fork() {
    fork_call::note(None);
    settle(UNKNOWN_CHILD);
}
