//! What the kinds of a forked child have in common: the call, and where the child is.

use forkwatch_schema::record::{Frame, PythonFrame, Record};

use crate::frames;
use crate::page::{GLUE, Page};
use crate::shorten::{self, quoted};

/// The call's section.
pub fn write_call(page: &mut Page<'_>, record: &Record, call: &str, python: Option<&[PythonFrame]>, stack: &[Frame]) {
    let program = shorten::path(&record.exe, page.style);
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
