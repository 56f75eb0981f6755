//! The lines of `/proc/PID/maps`, parsed.
//!
//! Nothing here reads a file or memory.

use core::ops::Range;

/// One mapping of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<'text> {
    /// The addresses it covers.
    pub addresses: Range<usize>,
    /// Whether it may be read.
    pub readable: bool,
    /// Whether it may be written.
    pub writable: bool,
    /// Whether code in it may run.
    pub executable: bool,
    /// Whether other processes see what is written there (`s`), a forked child among them.
    pub shared: bool,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The last column as the kernel writes it: a path, perhaps with ` (deleted)`, a name in brackets, or nothing.
    pub path: &'text [u8],
}

/// The mappings that `text` lists, in the kernel's order, which is by address; lines that are not mappings are left out.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    text.split(|&byte| byte == b'\n').filter_map(parse_line)
}

/// One line: `55d0-55d4 r-xp 00002000 08:01 1234     /usr/bin/cat`.
fn parse_line(line: &[u8]) -> Option<Mapping<'_>> {
    let (addresses, rest) = field(line)?;
    let (permissions, rest) = field(rest)?;
    let (offset, rest) = field(rest)?;
    let (_device, rest) = field(rest)?;
    // The inode is the last column of a mapping without a path, with or without blanks behind it.
    let path = field(rest).map_or(&[][..], |(_inode, rest)| rest).trim_ascii_start();
    let dash = addresses.iter().position(|&byte| byte == b'-')?;
    let start = hexadecimal(addresses.get(..dash)?)?;
    let end = hexadecimal(addresses.get(dash + 1..)?)?;
    let &[read, write, execute, share] = permissions else {
        return None;
    };
    if end < start {
        return None;
    }
    Some(Mapping {
        addresses: usize::try_from(start).ok()?..usize::try_from(end).ok()?,
        readable: read == b'r',
        writable: write == b'w',
        executable: execute == b'x',
        shared: share == b's',
        offset: hexadecimal(offset)?,
        path,
    })
}

/// The text up to the next blank, and what follows it.
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b' ')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// The path that a mapping's last column means, and whether that file was deleted; `None` where it is not a file.
pub fn file_path(column: &[u8]) -> Option<(Vec<u8>, bool)> {
    if !column.starts_with(b"/") {
        return None;
    }
    let (kept, deleted) = match column.strip_suffix(b" (deleted)") {
        Some(kept) => (kept, true),
        None => (column, false),
    };
    Some((unescape(kept), deleted))
}

/// Undoes the kernel's `\012` for a line feed, the only byte that it escapes in this column.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, behind)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(first);
            rest = behind;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
55d0a000-55d0c000 r--p 00000000 08:01 1234                               /usr/bin/my cat
55d0c000-55d10000 r-xp 00002000 08:01 1234                               /usr/bin/my cat
7f0000000000-7f0000021000 rw-s 00000000 00:01 99                         /dev/shm/x\\012y (deleted)
7f1000000000-7f1000021000 ---p 00000000 00:00 0 
nonsense
7ffd1000-7ffd3000 r-xp 00000000 00:00 0                                  [vdso]
";

    #[test]
    fn every_column_is_read() {
        let mappings: Vec<_> = parse(TEXT).collect();
        assert_eq!(mappings.len(), 5);
        assert_eq!(
            mappings[1],
            Mapping {
                addresses: 0x55d0_c000..0x55d1_0000,
                readable: true,
                writable: false,
                executable: true,
                shared: false,
                offset: 0x2000,
                path: b"/usr/bin/my cat",
            }
        );
        assert!(mappings[2].shared && mappings[2].writable);
        assert_eq!(mappings[3].path, b"");
        assert_eq!(mappings[4].path, b"[vdso]");
    }

    #[test]
    fn paths_are_given_as_the_file_system_knows_them() {
        assert_eq!(
            file_path(b"/usr/bin/my cat"),
            Some((b"/usr/bin/my cat".to_vec(), false))
        );
        assert_eq!(
            file_path(b"/dev/shm/x\\012y (deleted)"),
            Some((b"/dev/shm/x\ny".to_vec(), true))
        );
        assert_eq!(file_path(b"[heap]"), None);
        assert_eq!(file_path(b""), None);
    }
}
