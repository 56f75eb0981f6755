//! What the library leaves for the `forkwatch run` above it: a directory of the command with every record of the process tree,
//! so that nothing is lost if a program has moved its standard error.
//!
//! The value of the variable is `DEVICE:INODE:DIRECTORY`, with the device and inode of the command's own standard error.

use std::fmt::{self, Display};

/// A variable used only between the command and the library.
pub const RUN_FOLDER: &str = "FORKWATCH_RUN_FOLDER";

/// The file in the folder that records are appended to, as to any log.
const RECORDS: &str = "records.jsonl";

/// The file in the folder that notes are appended to, one per line.
const NOTES: &str = "notes";

/// The command's directory, and the file that its standard error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    /// The device of the command's standard error.
    pub device: u64,
    /// Its inode; both are 0 if it is closed.
    pub inode: u64,
    /// The folder, an absolute path.
    pub path: Vec<u8>,
}

impl RunFolder {
    /// Reads the variable's value.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.splitn(3, |&byte| byte == b':');
        let mut number = || str::from_utf8(parts.next()?).ok()?.parse().ok();
        let (device, inode) = (number()?, number()?);
        let path = parts.next().filter(|path| !path.is_empty())?.to_vec();
        Some(Self { device, inode, path })
    }

    /// The variable's value.
    pub fn value(&self) -> Vec<u8> {
        let mut value = format!("{}:{}:", self.device, self.inode).into_bytes();
        value.extend_from_slice(&self.path);
        value
    }

    /// The file of records.
    pub fn records(&self) -> Vec<u8> {
        self.file(RECORDS)
    }

    /// The file of notes.
    pub fn notes(&self) -> Vec<u8> {
        self.file(NOTES)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        [&self.path, name.as_bytes()].join(&b'/')
    }
}

/// One line of the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note<'a> {
    /// The report of this fingerprint reached the user's standard error.
    Shown(&'a str),
    /// This fingerprint's fork, or the child that reported it, was stopped by this option (`FORKWATCH_STRICT=locks`).
    Stopped(&'a str, &'a str),
}

impl<'a> Note<'a> {
    /// Reads a line; `None` if it is not a note.
    pub fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let note = match (words.next()?, words.next()?, words.next()) {
            ("shown", fingerprint, None) => Self::Shown(fingerprint),
            ("stopped", fingerprint, Some(option)) => Self::Stopped(fingerprint, option),
            _ => return None,
        };
        words.next().is_none().then_some(note)
    }
}

/// The line, with its newline.
impl Display for Note<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(fingerprint) => writeln!(out, "shown {fingerprint}"),
            Self::Stopped(fingerprint, option) => writeln!(out, "stopped {fingerprint} {option}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Note, RunFolder};

    #[test]
    fn the_value_is_read_back() {
        let folder = RunFolder {
            device: 64_512,
            inode: 7,
            path: b"/tmp/a:b".to_vec(),
        };
        assert_eq!(folder.value(), b"64512:7:/tmp/a:b");
        assert_eq!(RunFolder::parse(&folder.value()), Some(folder));
        for bad in ["", "1:2", "1:2:", "x:2:/tmp", "1:-2:/tmp", "/tmp"] {
            assert_eq!(RunFolder::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn notes_are_read_back() {
        for note in [Note::Shown("0a"), Note::Stopped("0b", "FORKWATCH_STRICT=locks")] {
            assert_eq!(Note::parse(note.to_string().trim_end()), Some(note));
        }
        for bad in ["", "shown", "shown a b", "stopped a", "stopped a b c", "seen a"] {
            assert_eq!(Note::parse(bad), None, "{bad}");
        }
    }
}
