//! A log, plain or compressed: where its lines begin, and what each one contains.

use std::fs::File;
use std::io::{Read, Write};

use forkwatch_schema::fingerprint::of_fork;
use forkwatch_schema::record::{Detail, Frame, Record};
use forkwatch_schema::users_frame;
use forkwatch_text::{Style, render};

use super::assert_harmless;
use crate::report::read::{Lines, MAX_LINE, head, parsed, range, stream, unpack};

/// More is not decompressed: a compressed file may expand to any length.
const MAX_UNPACKED: u64 = 1 << 20;

pub fn run(input: &[u8]) -> usize {
    let mut plain = Vec::new();
    if let Ok(reader) = unpack::reader(input) {
        // The part before the damage counts.
        let _damaged = reader.take(MAX_UNPACKED).read_to_end(&mut plain);
    }
    let whole = in_stream(&plain);
    assert_eq!(whole.0, split(&plain), "lines are lost or made up");
    if !plain.is_empty() {
        for part in [1 + plain.len() as u64 / 3, 1 << 20] {
            assert!(
                in_parts(&plain, part) == whole,
                "parts of {part} give other lines than the whole"
            );
        }
    }
    whole.0.iter().filter(|(line, ..)| one_line(line)).count()
}

/// A line, where it begins, and whether it is incomplete.
type Line = (Vec<u8>, u64, bool);

#[derive(Debug, Default, PartialEq)]
struct Seen(Vec<Line>, usize);

impl Lines for Seen {
    fn line(&mut self, line: &[u8], offset: u64, is_last: bool) {
        self.0.push((line.to_vec(), offset, is_last));
    }

    fn too_long(&mut self) {
        self.1 += 1;
    }
}

/// The simple way.
fn split(content: &[u8]) -> Vec<Line> {
    let mut next = 0;
    let mut lines: Vec<_> = content
        .split(|&byte| byte == b'\n')
        .map(|line| {
            let offset = next;
            next += line.len() as u64 + 1;
            (line.to_vec(), offset, false)
        })
        .collect();
    match lines.last_mut() {
        Some((last, ..)) if last.is_empty() => drop(lines.pop()),
        Some((.., is_last)) => *is_last = true,
        None => {}
    }
    lines.retain(|(line, ..)| line.len() <= MAX_LINE);
    lines
}

fn in_stream(content: &[u8]) -> Seen {
    let (mut seen, mut bytes) = (Seen::default(), 0);
    stream::lines(content, &mut seen, |read| bytes += read).expect("memory can be read");
    assert_eq!(bytes, content.len() as u64, "not all was read");
    seen
}

fn in_parts(content: &[u8], part: u64) -> Seen {
    let mut file = memory_file();
    file.write_all(content).expect("memory can be written");
    let (mut seen, mut buffer, size) = (Seen::default(), range::Buffer::default(), content.len() as u64);
    let mut start = 0;
    while start < size {
        let end = size.min(start + part);
        range::lines(&file, start, end, &mut buffer, &mut seen).expect("memory can be read");
        start = end;
    }
    seen
}

/// A file in memory.
pub fn memory_file() -> File {
    let file = rustix::fs::memfd_create("log", rustix::fs::MemfdFlags::CLOEXEC);
    File::from(file.expect("files in memory"))
}

/// Whether the line is a record.
fn one_line(line: &[u8]) -> bool {
    let by_position = head::by_position(line);
    let parsed = parsed::parse(line);
    if let (Some(by_position), Ok(parsed)) = (&by_position, &parsed) {
        let parsed = parsed.head();
        // A day that does not exist is some number in one way, and not a time in the other.
        let time = if parsed.time == 0 { 0 } else { by_position.time };
        assert_eq!(
            head::Head {
                time,
                ..by_position.clone()
            },
            parsed,
            "both ways to read a line agree"
        );
    }
    if let Err(why) = &parsed {
        assert!(why.len() < 4 * line.len() + 200, "a complaint longer than its line");
    }
    let is_record = parsed.is_ok();
    let Ok(record) = serde_json::from_slice::<Record>(line) else {
        return is_record;
    };
    for width in [40, 100] {
        let style = Style {
            prefix: "forkwatch: ",
            home: Some("/root".to_owned()),
            width,
            colour: false,
            working_directory: Some("/".to_owned()),
            ..Style::default()
        };
        assert_harmless(&render(&record, Some("FORKWATCH_STRICT=locks"), &style));
    }
    if let Detail::UnsafeFork(finding) = &record.detail {
        let of = |stack: &[Frame]| of_fork(stack, finding.fork.python_stack.as_deref());
        let users = users_frame::of_native(&finding.fork.stack);
        let alone = users.map_or_else(Vec::new, |frame| vec![frame.clone()]);
        assert_eq!(of(&finding.fork.stack), of(&alone), "only the user's frame counts");
    }
    let written = serde_json::to_string(&record).expect("what was read can be written");
    let again: Record = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(again, record, "written and read again");
    is_record
}
