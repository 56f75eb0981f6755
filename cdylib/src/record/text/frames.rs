//! Stacks: Python frames first, then native ones.

use forkwatch_schema::record::{Frame, PythonFrame};

use super::Style;
use super::noise::{self, Part};
use super::page::{Look, Page};
use super::shorten;

/// Writes a stack, with the Python frames first where there are any.
pub fn write(page: &mut Page<'_>, indent: usize, python: Option<&[PythonFrame]>, native: &[Frame]) {
    let python = python.unwrap_or_default();
    if !python.is_empty() {
        write_python(page, indent, python);
        if native.is_empty() {
            return;
        }
        page.line(indent, &[(Look::Dim, "below Python:")]);
    }
    write_native(page, indent, native);
}

/// Where a thread is, in a few words: its innermost frame that belongs to no runtime.
pub fn place(python: Option<&[PythonFrame]>, native: &[Frame], style: &Style) -> Option<String> {
    if let Some(frame) = python.and_then(<[PythonFrame]>::first) {
        return Some(format!(
            "{}  {}",
            shorten::symbol(&frame.function),
            python_place(frame, style)
        ));
    }
    // What has a source line is rather the program's than libc's.
    let telling = || native.iter().filter(|frame| noise::is_telling(frame));
    let frame = telling()
        .find(|frame| frame.file.is_some())
        .or_else(|| telling().next())?;
    let (function, place) = native_words(frame, style);
    Some(format!("{function}  {place}"))
}

fn write_python(page: &mut Page<'_>, indent: usize, frames: &[PythonFrame]) {
    let width = number_width(frames.len());
    for (number, frame) in frames.iter().enumerate() {
        let function = shorten::symbol(&frame.function);
        let place = python_place(frame, page.style);
        page.plain(indent, &format!("{:width$} {function}  {place}", format!("#{number}")));
    }
}

fn write_native(page: &mut Page<'_>, indent: usize, frames: &[Frame]) {
    if frames.is_empty() {
        page.line(indent, &[(Look::Dim, "(no stack was kept)")]);
        return;
    }
    let width = number_width(frames.len());
    for part in noise::parts(frames) {
        match part {
            Part::Frame(number, frame) => {
                let (function, place) = native_words(frame, page.style);
                let text = format!("{:width$} {function}  ", format!("#{number}"));
                let look = if frame.file.is_some() { Look::Plain } else { Look::Dim };
                page.line(indent, &[(Look::Plain, &text), (look, &place)]);
            }
            Part::Run(count, runtime) => {
                let text = format!("{:width$} {count} frames of {}", "...", runtime.name);
                page.line(indent, &[(Look::Dim, &text)]);
            }
        }
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
        (None, _, Some(module), Some(offset)) => format!("({}+{offset})", shorten::base_name(module)),
        _ => format!("({})", frame.ip),
    };
    (function, place)
}

fn python_place(frame: &PythonFrame, style: &Style) -> String {
    format!("{}:{}", shorten::path(&frame.file, style), frame.line)
}

/// Columns of `#` and the largest number, and no less than the dots of a run take.
fn number_width(frames: usize) -> usize {
    if frames > 10 { 3 } else { 2 }
}
