//! Whether any process of the tree had a finding: a private file to which the library appends a line for each finding:
//! its severity, its kind and the process.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use forkwatch_schema::options::TALLY;
use tempfile::TempPath;

use crate::message::Failure;

/// The file, removed when it is dropped.
#[derive(Debug)]
pub struct Tally {
    path: TempPath,
}

impl Tally {
    /// Makes an empty file that only this user can read and write.
    pub fn new() -> Result<Self, Failure> {
        // Made with mode 0600.
        let file = tempfile::Builder::new().prefix("forkwatch-tally-").tempfile();
        let file = file.map_err(|error| {
            let folder = env::temp_dir();
            let shown = folder.display();
            Failure::cannot(format!(
                "cannot create a file in {shown}: {error}; set TMPDIR to a directory you can write to"
            ))
        })?;
        Ok(Self {
            path: file.into_temp_path(),
        })
    }

    /// The file's path, for the library.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a finding of `ERROR` or `FATAL` was written; the file is gone afterwards.
    pub fn finish(self) -> bool {
        let words = fs::read(&self.path).unwrap_or_default();
        // A `forkwatch run` around this one counts the same processes, but they got the path of our file instead of its own.
        if let Some(outer) = env::var_os(TALLY) {
            let _outer_may_be_gone = pass_on(Path::new(&outer), &words);
        }
        is_bad(&words)
    }
}

fn pass_on(outer: &Path, words: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).open(outer)?.write_all(words)
}

fn is_bad(lines: &[u8]) -> bool {
    lines
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(u8::is_ascii_whitespace).next())
        .any(|severity| matches!(severity, b"ERROR" | b"FATAL"))
}

#[cfg(test)]
mod tests {
    use super::is_bad;

    #[test]
    fn only_errors_count() {
        assert!(!is_bad(b""));
        assert!(!is_bad(b"WARN\nINFO\n"));
        assert!(is_bad(b"WARN\nERROR\n"));
        assert!(is_bad(b"FATAL"));
        assert!(is_bad(b"WARN unsafe_fork 7\nFATAL stuck_child 8\n"));
        assert!(!is_bad(b"WARN ERROR 7\n"));
    }
}
