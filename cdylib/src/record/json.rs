//! A record as one JSON line of at most [`MAX_RECORD_BYTES`].
//!
//! Anyone above `verdict` may call this. It allocates, and does nothing else.

mod cut;

use std::io;

use forkwatch_schema::record::{MAX_RECORD_BYTES, Record};
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// The line, with its newline. Longer lists are cut until it fits, and `truncated` says what was cut. `None` only where the
/// record cannot be written at all.
pub fn line(record: &Record) -> Option<Vec<u8>> {
    write(record).or_else(|| {
        let mut record = record.clone();
        cut::STEPS.iter().find_map(|step| {
            step(&mut record);
            write(&record)
        })
    })
}

/// The line; `None` where it would be too long.
fn write(record: &Record) -> Option<Vec<u8>> {
    let mut line = Bounded(Vec::new());
    let mut json = Serializer::with_formatter(&mut line, Harmless);
    record.serialize(&mut json).ok()?;
    line.0.push(b'\n');
    Some(line.0)
}

/// Takes what fits into a line together with its newline, so that a record too long is given up early.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() >= MAX_RECORD_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact JSON in which every control character is escaped. JSON itself asks for those below U+0020 only; U+009B begins an
/// escape sequence on some terminals, too.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((position, control)) = rest.char_indices().find(|(_, character)| character.is_control()) {
            let (before, after) = rest.split_at(position);
            writer.write_all(before.as_bytes())?;
            // No control character lies beyond U+009F, so four digits hold it.
            write!(writer, "\\u{:04x}", u32::from(control))?;
            rest = after.get(control.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests;
