//! The lines that begin in one part of a plain file, so that several threads read one file at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Lines, MAX_LINE, whole_lines};

/// Bytes of a part: small enough to stay in the processor's cache between reading and parsing.
pub const PART: u64 = 1024 * 1024;

/// The first step behind the part's end, where its last line continues.
const FIRST_STEP: usize = 8 * 1024;

/// What was read so far, in memory that is reused for all parts, because clearing it each time would cost as much as parsing.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

/// Passes on every line that begins in `start..end`; the last one may end beyond `end`. Returns how many bytes of the part
/// there were.
pub fn lines(file: &File, start: u64, end: u64, buffer: &mut Buffer, lines: &mut impl Lines) -> io::Result<u64> {
    // A line begins here only where the byte before is a line break.
    let from = start.saturating_sub(1);
    let length = usize::try_from(end - from).unwrap_or(usize::MAX);
    buffer.filled = 0;
    let read = buffer.extend(file, from, length)?;
    let block = &buffer.bytes[..buffer.filled];
    let mut begin = 0;
    if start > 0 {
        match memchr::memchr(b'\n', block) {
            Some(position) => begin = position + 1,
            // A line that began earlier fills the whole part, and belongs to the part where it began.
            None => return Ok(read as u64),
        }
    }
    let rest = begin + whole_lines(&block[begin..], from + begin as u64, lines);
    if rest < buffer.filled {
        last_line(file, from, rest, buffer, lines)?;
    }
    Ok((read as u64).min(end - start))
}

/// The line that continues after the part, or ends with the file.
fn last_line(file: &File, from: u64, rest: usize, buffer: &mut Buffer, lines: &mut impl Lines) -> io::Result<()> {
    let mut step = FIRST_STEP;
    let offset = from + rest as u64;
    loop {
        let known = buffer.filled;
        let read = buffer.extend(file, from, step)?;
        let block = &buffer.bytes[..buffer.filled];
        if let Some(position) = memchr::memchr(b'\n', &block[known..]) {
            let end = known + position;
            if end - rest > MAX_LINE {
                lines.too_long();
            } else {
                lines.line(&block[rest..end], offset, false);
            }
            return Ok(());
        }
        if block.len() - rest > MAX_LINE {
            lines.too_long();
            return Ok(());
        }
        if read == 0 {
            lines.line(&block[rest..], offset, true);
            return Ok(());
        }
        step *= 2;
    }
}

impl Buffer {
    /// Appends up to `length` bytes that follow what it holds, fewer at the file's end.
    fn extend(&mut self, file: &File, from: u64, length: usize) -> io::Result<usize> {
        let (known, end) = (self.filled, self.filled + length);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        while self.filled < end {
            match file.read_at(&mut self.bytes[self.filled..end], from + self.filled as u64) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled - known)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::{Lines, MAX_LINE};
    use super::{Buffer, lines};

    #[derive(Debug, Default, PartialEq)]
    struct Seen(Vec<(String, u64, bool)>, usize);

    impl Lines for Seen {
        fn line(&mut self, line: &[u8], offset: u64, is_last: bool) {
            self.0
                .push((String::from_utf8_lossy(line).into_owned(), offset, is_last));
        }

        fn too_long(&mut self) {
            self.1 += 1;
        }
    }

    fn in_parts(content: &[u8], part: u64) -> Seen {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let (mut seen, mut buffer, mut bytes) = (Seen::default(), Buffer::default(), 0);
        let size = content.len() as u64;
        for start in (0..size).step_by(usize::try_from(part).unwrap()) {
            bytes += lines(&file, start, size.min(start + part), &mut buffer, &mut seen).unwrap();
        }
        assert!(bytes >= size, "{bytes} of {size}");
        seen
    }

    #[test]
    fn each_line_is_seen_once_wherever_the_parts_begin() {
        let content = b"one\n\nthree\nfour is longer than most parts\nfive\nsix";
        let whole = in_parts(content, 1000);
        let words: Vec<_> = whole.0.iter().map(|(line, ..)| line.as_str()).collect();
        assert_eq!(
            words,
            ["one", "", "three", "four is longer than most parts", "five", "six"]
        );
        assert_eq!(whole.0.iter().filter(|(.., is_last)| *is_last).count(), 1);
        for (line, offset, _) in &whole.0 {
            assert!(content[usize::try_from(*offset).unwrap()..].starts_with(line.as_bytes()));
        }
        for part in 1..20 {
            assert_eq!(in_parts(content, part), whole, "parts of {part}");
        }
    }

    #[test]
    fn a_monstrous_line_is_reported_once_and_what_follows_is_read() {
        let mut content = vec![b'x'; 3 * MAX_LINE];
        content.extend_from_slice(b"\nnext\n");
        let seen = in_parts(&content, 1024 * 1024);
        assert_eq!(
            seen,
            Seen(vec![("next".to_owned(), content.len() as u64 - 5, false)], 1)
        );
    }
}
