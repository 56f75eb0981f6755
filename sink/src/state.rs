//! What is known of a sink from one record to the next. A forked child knows what its parent knew.

use core::sync::atomic::{AtomicBool, Ordering};

/// One sink's state.
#[derive(Debug, Default)]
pub struct State {
    /// The last line written has no end yet.
    torn: AtomicBool,
    /// Nobody took anything in all the time that was given, and no more time is given until somebody does.
    stuck: AtomicBool,
    /// That it fails was said.
    said: AtomicBool,
}

impl State {
    /// Of a sink that has taken nothing yet.
    pub const fn new() -> Self {
        Self {
            torn: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            said: AtomicBool::new(false),
        }
    }

    /// Whether it is to be said now that the sink fails: once, however often it does.
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
