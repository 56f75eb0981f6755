//! The text of `slow_handler`: an at-fork handler took over a second.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Phase, Record, SlowHandler};

use super::Kind;
use crate::advice::child as advice;
use crate::page::Page;
use crate::shorten;

impl Kind for SlowHandler {
    /// `an at-fork handler of libgrpc.so took 1204 ms before the fork (pid 4242)`.
    fn headline(&self, record: &Record) -> String {
        let library = self.library.as_deref().map_or("an unknown library", base_name);
        let when = match self.phase {
            Phase::Prepare => "before the fork",
            Phase::Parent => "after the fork, in the parent",
            Phase::Child => "after the fork, in the child",
        };
        format!(
            "an at-fork handler of {library} took {} ms {when} (pid {})",
            self.milliseconds, record.pid
        )
    }

    fn facts(&self, page: &mut Page<'_>, _record: &Record, _stopped: bool) {
        if let Some(library) = &self.library {
            let library = shorten::path(library, page.style);
            page.heading(
                "Handler: ",
                &format!("a {} handler of {library} (pthread_atfork)", self.phase.name()),
            );
        }
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        vec![advice::for_handler(self)]
    }
}
