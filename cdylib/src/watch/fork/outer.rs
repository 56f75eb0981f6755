//! A fork inside of another one of the same thread: by an at-fork handler, or by a signal handler that interrupts one. Each
//! has its own finding, and the outer one's waits until the inner one's is told.

use super::{UNKNOWN_CHILD, pending, settle};
use crate::state::fork_call::{self, Copying};
use crate::state::thread::Busy;
use crate::system::errno::KeepErrno;
use crate::watch::story::Story;

/// What is under way in this thread while another fork begins.
#[must_use]
pub(super) enum Outer {
    /// Nothing that the inner fork could disturb.
    Nothing,
    /// A fork that is about to be copied. Our locks are held for it, and the inner one passes unwatched.
    Copying,
    /// A fork whose finding, if there is one, waits to be told.
    Told(Option<Box<Story>>),
}

impl Outer {
    /// Sets aside what is under way.
    pub fn set_aside() -> Self {
        match Copying::now() {
            Copying::Prepared => Self::Copying,
            Copying::Settling if fork_call::current().is_none() => {
                // A handler has jumped out of that fork: nobody else will tell of it.
                settle(UNKNOWN_CHILD);
                Self::Nothing
            }
            Copying::Settling => {
                let _busy = Busy::from_here();
                let story = pending::take_back();
                Copying::No.note();
                Self::Told(story)
            }
            _ => Self::Nothing,
        }
    }

    /// In the parent: the inner fork is done, the outer one goes on.
    pub fn go_on(self) {
        match self {
            Self::Nothing => {}
            Self::Copying => Copying::Prepared.note(),
            Self::Told(story) => {
                let _errno = KeepErrno::as_it_is();
                let _busy = Busy::from_here();
                pending::wait_again(story);
                Copying::Settling.note();
            }
        }
    }

    /// In the child: the outer fork belongs to the parent. Its memory stays, as the child shall write as little as it can.
    pub fn forget(self) {
        core::mem::forget(self);
    }
}
