//! `/proc/PID/maps`.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// One piece of a process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where it lies.
    pub addresses: Range<u64>,
    /// Whether it holds code.
    pub is_executable: bool,
    /// Which byte of the file it begins with.
    pub offset: u64,
    /// The file, as the process named it, or a word in brackets; `None` for plain memory.
    pub path: Option<PathBuf>,
}

/// Reads the lines; one that cannot be understood is left out.
pub fn mappings(text: &[u8]) -> Vec<Mapping> {
    text.split(|&byte| byte == b'\n').filter_map(mapping).collect()
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.strip_prefix(b" ").unwrap_or(after);
        str::from_utf8(word).ok()
    };
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = word()?.split_once('-')?;
    let addresses = hex(start)?..hex(end)?;
    let rights = word()?;
    let offset = hex(word()?)?;
    let (_device, _inode) = (word()?, word()?);
    // The path is the rest of the line, spaces and all.
    let path = rest.trim_ascii_start();
    // Whoever subtracts the start from the end is to get what it expects.
    (addresses.start <= addresses.end).then(|| Mapping {
        addresses,
        is_executable: rights.contains('x'),
        offset,
        path: (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path))),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::mappings;

    #[test]
    fn paths_may_hold_spaces() {
        let text = b"7f10-7f20 r-xp 00001000 fe:01 1234                       /opt/my lib (1)/x.so\n\
                     7f20-7f30 rw-p 00000000 00:00 0 \n\
                     7ffd-7ffe rw-p 00000000 00:00 0                          [stack]\n";
        let mappings = mappings(text);
        assert_eq!(mappings.len(), 3);
        assert_eq!(mappings[0].addresses, 0x7f10..0x7f20);
        assert_eq!(mappings[0].path.as_deref(), Some(Path::new("/opt/my lib (1)/x.so")));
        assert!(mappings[0].is_executable && mappings[0].offset == 0x1000);
        assert_eq!(mappings[1].path, None);
        assert!(!mappings[1].is_executable);
        assert_eq!(mappings[2].path.as_deref(), Some(Path::new("[stack]")));
    }

    #[test]
    fn what_ends_before_it_begins_is_left_out() {
        assert!(mappings(b"7f20-7f10 r-xp 00001000 fe:01 1234 /opt/x.so\n").is_empty());
    }
}
