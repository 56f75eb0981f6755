//! The text of `slow_handler`: an at-fork handler took over a second, or waits.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Phase, Record, SlowHandler};

use super::{CAN_HANG, HANGS, Kind, Why};
use crate::advice::child as advice;
use crate::frames;
use crate::page::Page;
use crate::shorten::{self, quoted};

impl Kind for SlowHandler {
    /// `an at-fork handler of libgrpc.so took 1204 ms before the fork (pid 4242)`.
    fn headline(&self, record: &Record) -> String {
        let library = self.library.as_deref().map_or("an unknown library", base_name);
        let when = match self.phase {
            Phase::Prepare => "before the fork",
            Phase::Parent => "after the fork, in the parent",
            Phase::Child => "after the fork, in the child",
        };
        if let Some(waits) = &self.waits {
            let how = if record.severity == Severity::Fatal {
                "for ever in"
            } else {
                "in"
            };
            let whom = match &waits.thread {
                Some(_) if record.severity == Severity::Fatal => " for a lock that its own thread holds".into(),
                Some(thread) => format!(" for thread {}", quoted(&thread.name)),
                None => String::new(),
            };
            return format!(
                "an at-fork handler of {library} waits {how} {}{whom}, {when} (pid {}): fork() does not return",
                waits.call, record.pid
            );
        }
        format!(
            "an at-fork handler of {library} took {} ms {when} (pid {})",
            self.milliseconds, record.pid
        )
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        if let Some(library) = &self.library {
            let library = shorten::path(library, page.style);
            page.heading(
                "Handler: ",
                &format!("a {} handler of {library} (pthread_atfork)", self.phase.name()),
            );
        }
        if let Some(waits) = &self.waits {
            page.heading("Waits in: ", &waits.call);
            frames::write(page, 2, None, &waits.stack);
            if let Some(thread) = waits.thread.as_ref().filter(|_| record.severity != Severity::Fatal) {
                page.heading(
                    "Waits for: ",
                    &format!("thread {} (tid {})", quoted(&thread.name), thread.tid),
                );
                let now = match &thread.waiting {
                    Some(waiting) => format!("which now waits in {}", waiting.call),
                    None => "which runs".into(),
                };
                frames::write_under(page, 2, &now, thread.stack.as_deref().unwrap_or_default());
            }
        }
    }

    fn why(&self, record: &Record) -> Option<Why> {
        let waits = self.waits.as_ref()?;
        let title = if record.severity == Severity::Fatal {
            HANGS
        } else {
            CAN_HANG
        };
        let words = match &waits.thread {
            Some(_) if record.severity == Severity::Fatal => {
                "The handler asks for a lock that the thread which forks has already: it waits for itself, and fork() never returns."
            }
            _ => {
                "The thread that forks runs the handler, so fork() returns only when the handler does. If the thread that it waits for \
                 waits in turn for something that the forking thread has or should do, fork() never returns."
            }
        };
        Some(Why::new(title, words))
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        vec![advice::for_handler(self)]
    }
}
