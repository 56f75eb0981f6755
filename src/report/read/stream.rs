//! The lines of what can only be read from front to back: a pipe, or an unpacked file.

use std::io::{self, Read};

use super::{Lines, MAX_LINE, whole_lines};

const BLOCK: usize = 256 * 1024;

/// A line of this many bytes is not a line, and its file has no end either.
const ENDLESS: u64 = 1 << 30;

/// Passes on every line. `read` receives the number of bytes of each block.
pub fn lines(mut source: impl Read, lines: &mut impl Lines, mut read: impl FnMut(u64)) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    let mut filled = 0;
    // The bytes before the buffer.
    let mut offset = 0;
    let mut skipping = false;
    let mut skipped = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let new = match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(new) => new,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // The data before the fault is still valid.
                if filled > 0 && !skipping {
                    lines.line(&buffer[..filled], offset, true);
                }
                return Err(error);
            }
        };
        read(new as u64);
        // The earlier bytes have no line break, or they would have been passed on.
        let has_break = memchr::memrchr(b'\n', &buffer[filled..filled + new]).is_some();
        filled += new;
        if !has_break {
            if filled > MAX_LINE {
                if !skipping {
                    lines.too_long();
                }
                offset += filled as u64;
                skipped += filled as u64;
                if skipped > ENDLESS {
                    return Err(io::Error::other("a line is longer than 1 GiB"));
                }
                (skipping, filled) = (true, 0);
            }
            continue;
        }
        let begin = if skipping {
            memchr::memchr(b'\n', &buffer[..filled]).map_or(filled, |position| position + 1)
        } else {
            0
        };
        (skipping, skipped) = (false, 0);
        let rest = begin + whole_lines(&buffer[begin..filled], offset + begin as u64, lines);
        buffer.copy_within(rest..filled, 0);
        filled -= rest;
        offset += rest as u64;
    }
    if filled > 0 && !skipping {
        lines.line(&buffer[..filled], offset, true);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Lines, MAX_LINE};
    use super::lines;

    #[derive(Default)]
    struct Seen(Vec<(usize, u64, bool)>, usize);

    impl Lines for Seen {
        fn line(&mut self, line: &[u8], offset: u64, is_last: bool) {
            self.0.push((line.len(), offset, is_last));
        }

        fn too_long(&mut self) {
            self.1 += 1;
        }
    }

    #[test]
    fn lines_longer_than_a_block_and_a_monstrous_one() {
        let mut content = vec![b'a'; 300_000];
        content.push(b'\n');
        content.extend(std::iter::repeat_n(b'b', 4 * MAX_LINE));
        content.extend_from_slice(b"\nlast");
        let (mut seen, mut bytes) = (Seen::default(), 0);
        lines(&content[..], &mut seen, |read| bytes += read).unwrap();
        assert_eq!(seen.0, [(300_000, 0, false), (4, content.len() as u64 - 4, true)]);
        assert_eq!((seen.1, bytes), (1, content.len() as u64));
    }
}
