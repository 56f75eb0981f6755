//! What is known of a sink from one record to the next. A forked child knows what its parent knew.

use core::sync::atomic::{AtomicBool, Ordering};

/// One sink's state.
#[derive(Debug, Default)]
pub struct State {
    /// The last line written has no end yet.
    torn: AtomicBool,
    /// Nobody read anything in all the time given, and no more time is given until somebody does.
    stuck: AtomicBool,
    /// Its failure was reported.
    said: AtomicBool,
}

impl State {
    /// The state of a new sink.
    pub const fn new() -> Self {
        Self {
            torn: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            said: AtomicBool::new(false),
        }
    }

    /// Whether to report now that the sink fails: once, however often it fails.
    pub fn is_to_be_said(&self) -> bool {
        !self.said.swap(true, Ordering::Relaxed)
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
