//! What the kinds of a forked child have in common: the call, and where the child is.

use forkwatch_schema::record::{Frame, PythonFrame, Record};

use crate::frames;
use crate::page::{GLUE, Page};
use crate::shorten::{self, quoted};

/// The call's section.
pub fn write_call(page: &mut Page<'_>, record: &Record, call: &str, python: Option<&[PythonFrame]>, stack: &[Frame]) {
    let program = shorten::path(&record.exe, page.style);
    // A daemon's parent ends at once, and init adopts the child.
    let child = match record.ppid {
        1 => format!("a forked child (pid{GLUE}{})", record.pid),
        parent => format!("the child (pid{GLUE}{}) of pid{GLUE}{parent}", record.pid),
    };
    page.heading(
        &format!("{call} "),
        &format!("called by thread {} of {program} in {child}", quoted(&record.thread)),
    );
    frames::write(page, 2, python, stack);
}
