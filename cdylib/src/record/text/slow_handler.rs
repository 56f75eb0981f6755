//! The text of `slow_handler`: an at-fork handler took over a second.

use forkwatch_schema::record::{Phase, Record, SlowHandler};

use super::page::Page;
use super::shorten;
use crate::verdict::advice::child as advice;

/// `an at-fork handler of libgrpc.so took 1204 ms before the fork (pid 4242)`.
pub fn headline(record: &Record, detail: &SlowHandler) -> String {
    let library = detail
        .library
        .as_deref()
        .map_or("an unknown library", shorten::base_name);
    let when = match detail.phase {
        Phase::Prepare => "before the fork",
        Phase::Parent => "after the fork, in the parent",
        Phase::Child => "after the fork, in the child",
    };
    format!(
        "an at-fork handler of {library} took {} ms {when} (pid {})",
        detail.milliseconds, record.pid
    )
}

/// The whole text.
pub fn write(page: &mut Page<'_>, record: &Record, detail: &SlowHandler) {
    page.title(record);
    if let Some(library) = &detail.library {
        let library = shorten::path(library, page.style);
        page.gap();
        page.heading(
            "Handler: ",
            &format!("a {} handler of {library} (pthread_atfork)", detail.phase.name()),
        );
    }
    page.ending(record, &[advice::for_handler(detail)]);
}
