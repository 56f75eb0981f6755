//! What the kinds of a forked child have in common: the call, and where the child is.

use forkwatch_schema::record::{Frame, PythonFrame, Record};

use super::frames;
use super::page::{GLUE, Page};
use super::shorten::{self, quoted};

/// Says that the child was stopped, and by which option.
pub fn write_stopped(page: &mut Page<'_>, stopped: Option<&str>) {
    if let Some(option) = stopped {
        page.sentences(0, &format!("The child is stopped here, as {option} asks for."));
    }
}

/// The call's section.
pub fn write_call(page: &mut Page<'_>, record: &Record, call: &str, python: Option<&[PythonFrame]>, stack: &[Frame]) {
    let program = shorten::path(&record.exe, page.style);
    page.gap();
    page.heading(
        &format!("{call} "),
        &format!(
            "called by thread {} of {program} in the child (pid{GLUE}{}) of pid{GLUE}{}",
            quoted(&record.thread),
            record.pid,
            record.ppid
        ),
    );
    frames::write(page, 2, python, stack);
}
