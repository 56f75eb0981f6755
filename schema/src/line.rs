//! A record as one JSON line of at most [`MAX_RECORD_BYTES`]: written by the library, and by the command when it watches from
//! outside.

mod cut;

use std::io;

use serde::Serialize;
use serde_json::Serializer;

use crate::harmless::Harmless;
use crate::record::{MAX_RECORD_BYTES, Record};

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

/// The line with every list cut as far as it can be, a few KiB: for a record that is kept a thousand times.
pub fn shortest_line(record: &Record) -> Option<Vec<u8>> {
    let mut record = record.clone();
    cut::STEPS.iter().for_each(|step| step(&mut record));
    write(&record)
}

/// The line; `None` where it would be too long.
fn write(record: &Record) -> Option<Vec<u8>> {
    let mut line = Bounded(Vec::new());
    record.serialize(&mut Serializer::new(&mut Harmless(&mut line))).ok()?;
    line.0.push(b'\n');
    Some(line.0)
}

/// A buffer for one line with its newline; writing stops early if the record is too long.
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

#[cfg(test)]
mod tests;
