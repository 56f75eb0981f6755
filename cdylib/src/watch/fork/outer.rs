//! A fork inside of another one of the same thread: by an at-fork handler, or by a signal handler that interrupts one. Each
//! has its own finding, and the outer one's waits until the inner one's is told.
#![expect(unsafe_code, reason = "what is under way belongs to the holder of a lock")]

use lock_api::RawMutex;

use super::{HOUSE, PATIENCE, pending};
use crate::state::fork_call::Copying;
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
    /// Sets aside what is under way, and gives back the lock on all telling where that is held for it.
    pub fn set_aside() -> Self {
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
                if HOUSE.lock_within(PATIENCE) {
                    // SAFETY: this thread took the lock just now.
                    unsafe { pending::put_back(story) };
                    Copying::Settling.note();
                }
            }
        }
    }

    /// In the child: the outer fork belongs to the parent. Its memory stays, as the child shall write as little as it can.
    pub fn forget(self) {
        core::mem::forget(self);
    }
}
