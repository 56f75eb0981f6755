//! Stacks in few lines: Python frames first, and nothing of how a thread or program begins.

use forkwatch_schema::record::{Frame, PythonFrame};

use super::page::{Look, Page};
use crate::report::format::near;
use crate::report::place::{self, base_name};
use crate::report::words::{count, shorten};

/// Frames that are shown; the record has them all.
const MOST_FRAMES: usize = 12;

/// Frames of an interpreter or runtime that are shown as one line, if there are as many.
const SHORTEST_RUN: usize = 3;

/// Of these, the frames that are shown at a stack's beginning.
const INNERMOST: usize = 2;

/// The longest symbol that is shown whole.
const LONGEST_SYMBOL: usize = 100;

/// Writes a stack.
pub fn write(page: &mut Page<'_>, indent: usize, native: &[Frame], python: Option<&[PythonFrame]>) {
    let python = python.unwrap_or_default();
    let mut lines: Vec<(String, Look, String)> = Vec::new();
    for frame in python {
        let file = near(&frame.file, page.style);
        lines.push((frame.function.clone(), Look::Plain, format!("{file}:{}", frame.line)));
    }
    // Below Python code there is the interpreter, which tells nobody anything.
    if python.is_empty() {
        let last = native.iter().rposition(|frame| !place::is_bottom(frame));
        let kept = last.map_or(native, |last| &native[..=last]);
        for run in kept.chunk_by(|one, next| place::is_runtime(one) && place::is_runtime(next)) {
            // The innermost frames say at least what was called.
            let shown = if lines.is_empty() { INNERMOST } else { 0 };
            if run.len() >= SHORTEST_RUN + shown {
                lines.extend(run[..shown].iter().map(|frame| native_words(frame, page)));
                let more = count((run.len() - shown) as u64, "frame", "frames");
                let text = format!("... {more} of an interpreter or runtime");
                lines.push((String::new(), Look::Dim, text));
            } else {
                lines.extend(run.iter().map(|frame| native_words(frame, page)));
            }
        }
    }
    if lines.is_empty() {
        page.line(indent, &[(Look::Dim, "(no stack was kept)")]);
    }
    for (number, (function, look, place)) in lines.iter().take(MOST_FRAMES).enumerate() {
        if function.is_empty() {
            page.line(indent, &[(*look, place)]);
            continue;
        }
        let function = format!("#{number} {}  ", shorten(function, LONGEST_SYMBOL));
        page.line(indent, &[(Look::Plain, &function), (*look, place)]);
    }
    if let Some(more @ 1..) = lines.len().checked_sub(MOST_FRAMES) {
        let more = format!("... and {}", count(more as u64, "more frame", "more frames"));
        page.line(indent, &[(Look::Dim, &more)]);
    }
}

fn native_words(frame: &Frame, page: &Page<'_>) -> (String, Look, String) {
    let function = frame.symbol.clone().unwrap_or_else(|| String::from("??"));
    match (&frame.file, frame.line, &frame.module, &frame.offset) {
        (Some(file), Some(line), ..) => (function, Look::Plain, format!("{}:{line}", near(file, page.style))),
        (Some(file), None, ..) => (function, Look::Plain, near(file, page.style).to_owned()),
        (None, _, Some(module), Some(offset)) => (function, Look::Dim, format!("({}+{offset})", base_name(module))),
        _ => (function, Look::Dim, format!("({})", frame.ip)),
    }
}
