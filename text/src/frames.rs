//! Stacks: Python frames first, then native ones.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Frame, PythonFrame};

use super::noise::{self, Part};
use super::page::{Look, Page};
use super::python_noise::{self, Part as PythonPart};
use super::shorten;
use super::style::Style;
use super::words::count_of;

/// Frames of one stack that are shown; the others are only counted.
const MAX_FRAMES: usize = 32;

/// Writes a stack, with the Python frames first where there are any.
pub fn write(page: &mut Page<'_>, indent: usize, python: Option<&[PythonFrame]>, native: &[Frame]) {
    let python = python.unwrap_or_default();
    if !python.is_empty() {
        write_python(page, indent, python);
        if noise::is_interpreters_alone(native) {
            return;
        }
        page.line(indent, &[(Look::Dim, "native stack:")]);
    }
    write_native(page, indent, native, !python.is_empty());
}

/// Writes where something was done, under a heading. The native stack of Python code says nothing.
pub fn write_under(page: &mut Page<'_>, indent: usize, words: &str, stack: &[Frame]) {
    if !stack.is_empty() && noise::is_interpreters_alone(stack) {
        page.plain(indent, &format!("{words} from Python"));
        return;
    }
    page.plain(indent, &format!("{words} at:"));
    write(page, indent + 2, None, stack);
}

/// Where a thread is, in a few words: its innermost frame in the program itself, else the innermost outside any runtime.
pub fn place(python: Option<&[PythonFrame]>, native: &[Frame], style: &Style) -> Option<String> {
    let python = python.unwrap_or_default();
    if let Some(frame) = python
        .iter()
        .find(|frame| shorten::is_own(&frame.file, style))
        .or_else(|| python.first())
    {
        return Some(format!(
            "{} ({})",
            shorten::symbol(&frame.function),
            python_place(frame, style)
        ));
    }
    let is_own = |frame: &&Frame| {
        let file = frame.file.as_deref();
        file.is_some_and(|file| shorten::is_own(file, style))
    };
    let informative = || native.iter().filter(|frame| noise::is_informative(frame));
    let frame = informative()
        .find(is_own)
        .or_else(|| informative().find(|frame| frame.file.is_some()))
        .or_else(|| informative().next())?;
    let (function, place) = native_words(frame, style);
    if frame.file.is_some() {
        Some(format!("{function} ({place})"))
    } else {
        Some(format!("{function} {place}"))
    }
}

fn write_python(page: &mut Page<'_>, indent: usize, frames: &[PythonFrame]) {
    let parts = python_noise::parts(frames);
    let width = number_width(frames.len().min(MAX_FRAMES));
    for part in parts.iter().take(MAX_FRAMES) {
        match part {
            PythonPart::Frame(number, frame) => {
                let function = shorten::symbol(&frame.function);
                let place = python_place(frame, page.style);
                page.plain(indent, &format!("{:width$} {function}  {place}", format!("#{number}")));
            }
            PythonPart::Run(frames, whose) => {
                let frames = count_of(*frames, "frame", "frames");
                page.line(indent, &[(Look::Dim, &format!("{:width$} {frames} of {whose}", "..."))]);
            }
        }
    }
    let left_out = parts.iter().skip(MAX_FRAMES).map(|part| match part {
        PythonPart::Frame(..) => 1,
        PythonPart::Run(frames, _) => *frames,
    });
    write_left_out(page, indent, left_out.sum());
}

fn write_native(page: &mut Page<'_>, indent: usize, frames: &[Frame], is_below_python: bool) {
    if frames.is_empty() {
        page.line(indent, &[(Look::Dim, "(no stack was kept)")]);
        return;
    }
    let parts = noise::parts(frames, is_below_python);
    let numbers = parts.iter().take(MAX_FRAMES).map(|part| match part {
        Part::Frame(number, _) => number + 1,
        Part::Run(..) => 0,
    });
    let width = number_width(numbers.max().unwrap_or_default());
    for part in parts.iter().take(MAX_FRAMES) {
        match part {
            Part::Frame(number, frame) => {
                let (function, place) = native_words(frame, page.style);
                let text = format!("{:width$} {function}  ", format!("#{number}"));
                let look = if frame.file.is_some() { Look::Plain } else { Look::Dim };
                page.line(indent, &[(Look::Plain, &text), (look, &place)]);
            }
            Part::Run(frames, runtime) => {
                let frames = count_of(*frames, "frame", "frames");
                let text = format!("{:width$} {frames} of {}", "...", runtime.name);
                page.line(indent, &[(Look::Dim, &text)]);
            }
        }
    }
    let left_out = parts.iter().skip(MAX_FRAMES).map(|part| match part {
        Part::Frame(..) => 1,
        Part::Run(count, _) => *count,
    });
    write_left_out(page, indent, left_out.sum());
}

fn write_left_out(page: &mut Page<'_>, indent: usize, left_out: usize) {
    if left_out > 0 {
        page.line(
            indent,
            &[(
                Look::Dim,
                &format!("... and {}", count_of(left_out, "more frame", "more frames")),
            )],
        );
    }
}

/// The function and where it is: file and line, else module and offset, else the address.
fn native_words(frame: &Frame, style: &Style) -> (String, String) {
    let function = frame
        .symbol
        .as_deref()
        .map_or_else(|| String::from("??"), shorten::symbol);
    let place = match (&frame.file, frame.line, &frame.module, &frame.offset) {
        (Some(file), Some(line), ..) => format!("{}:{line}", shorten::path(file, style)),
        (Some(file), None, ..) => shorten::path(file, style),
        (None, _, Some(module), Some(offset)) => format!("({}+{offset})", base_name(module)),
        _ => format!("({})", frame.ip),
    };
    (function, place)
}

fn python_place(frame: &PythonFrame, style: &Style) -> String {
    format!("{}:{}", shorten::path(&frame.file, style), frame.line)
}

/// Columns of `#` and the largest number.
const fn number_width(frames: usize) -> usize {
    if frames > 10 { 3 } else { 2 }
}
