//! Reading progress, on a terminal and only if it takes long.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// No progress is shown for what is over by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar.
#[derive(Debug)]
pub struct Progress {
    total: u64,
    is_wanted: bool,
}

impl Progress {
    /// A bar for this many bytes, if known beforehand.
    pub fn new(total: u64) -> Self {
        Self {
            total,
            is_wanted: stderr().is_terminal(),
        }
    }

    /// Shows how the count grows until everything is done.
    pub fn follow(&self, bytes: &AtomicU64, is_done: impl Fn() -> bool) {
        if !self.is_wanted {
            return;
        }
        let start = Instant::now();
        let mut bar = None;
        let mut pause = Duration::from_millis(1);
        while !is_done() {
            thread::sleep(pause);
            // Waiting for the end must not prolong short work.
            pause = (pause * 2).min(Duration::from_millis(50));
            if start.elapsed() > PATIENCE {
                let bar = bar.get_or_insert_with(|| self.bar());
                bar.set_position(bytes.load(Ordering::Relaxed));
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }

    fn bar(&self) -> ProgressBar {
        let (bar, template) = if self.total > 0 {
            (
                ProgressBar::new(self.total),
                "reading {bar:30} {bytes} of {total_bytes}, {eta} left",
            )
        } else {
            (ProgressBar::new_spinner(), "reading {spinner} {bytes}")
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}
