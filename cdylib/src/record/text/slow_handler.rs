//! The text of `slow_handler`: an at-fork handler took over a second.

use forkwatch_schema::record::{Phase, Record, SlowHandler};

use super::page::Page;
use super::shorten;

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
    page.gap();
    if let Some(library) = &detail.library {
        let library = shorten::path(library, page.style);
        page.heading(
            "Handler: ",
            &format!("{} handler registered by {library}", detail.phase.name()),
        );
    }
    let advice = "Until the handlers return, fork does not: look at what the library waits for there, usually its own threads \
                  or a lock that the forking thread holds.";
    page.ending(record, &[String::from(advice)]);
}
