//! What is known about a sink from one record to the next. A forked child inherits it.

use core::sync::atomic::{AtomicBool, Ordering};

/// One sink's state.
#[derive(Debug, Default)]
pub struct State {
    /// The last line written is incomplete.
    torn: AtomicBool,
    /// The reader took nothing while we waited, so we do not wait again until it does.
    stuck: AtomicBool,
    /// Its failure was reported.
    reported: AtomicBool,
}

impl State {
    /// The state of a new sink.
    pub const fn new() -> Self {
        Self {
            torn: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            reported: AtomicBool::new(false),
        }
    }

    /// Notes a failure. Returns whether it is the first, which is the only one to report.
    pub fn note_failure(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_torn(&self) -> bool {
        self.torn.load(Ordering::Relaxed)
    }

    pub(crate) fn set_torn(&self, torn: bool) {
        self.torn.store(torn, Ordering::Relaxed);
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }
}
