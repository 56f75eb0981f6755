//! The records that the library wrote about one process, found in its log.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::log_path::{Marks, expand};
use forkwatch_schema::record::{Detail, Record};

/// A log that is a file, or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log(OsString);

impl Log {
    /// The log of this value of `FORKWATCH_LOG`; `None` where it goes to no file.
    pub fn of(value: &OsStr) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_file =
            !bytes.is_empty() && bytes != b"journald" && !bytes.starts_with(b"fd:") && !bytes.starts_with(b"unix:");
        is_file.then(|| Self(value.to_owned()))
    }

    /// The file that a process writes to.
    pub fn path(&self, marks: Marks<'_>) -> PathBuf {
        PathBuf::from(OsString::from_vec(expand(self.0.as_bytes(), marks)))
    }
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What a file tells of the process with this id that started at `started`, by RFC 3339: ids are given anew, and logs live
/// on. A file that cannot be read tells nothing.
pub fn about(path: &Path, pid: i32, started: &str) -> Vec<Record> {
    // A FIFO would be read for ever, and a log is none.
    let Ok(file) = File::open(path).and_then(|file| file.metadata().map(|data| (file, data))) else {
        return Vec::new();
    };
    if !file.1.is_file() {
        return Vec::new();
    }
    let mark = format!(":{pid},");
    let lines = BufReader::new(file.0).split(b'\n').map_while(Result::ok);
    lines
        // Most lines are of other processes, and need not be understood.
        .filter(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes()))
        .filter_map(|line| serde_json::from_slice::<Record>(&line).ok())
        .filter(|record| is_about(record, pid) && record.time.as_str() >= started)
        .collect()
}

fn is_about(record: &Record, pid: i32) -> bool {
    match &record.detail {
        Detail::UnsafeFork(fork) => fork.fork.child_pid == Some(pid),
        _ => record.pid == pid && record.severity > Severity::Info,
    }
}

/// Whether the record says why the process that wrote it cannot go on.
pub fn explains(record: &Record) -> bool {
    matches!(record.kind, Kind::OrphanedLock | Kind::StuckChild)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::{Log, Marks, about};

    #[test]
    fn marks_are_replaced_as_the_library_does() {
        let marks = Marks {
            pid: 42,
            host: "box",
            program: "app",
        };
        let path = |value: &str| Log::of(OsStr::new(value)).map(|log| log.path(marks));
        assert_eq!(path("/tmp/%h/%e.%p%%").as_deref(), Some(Path::new("/tmp/box/app.42%")));
        for value in ["", "journald", "fd:3", "unix:/run/x"] {
            assert_eq!(path(value), None);
        }
    }

    #[test]
    fn only_records_of_this_process_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let line = |time: &str, pid: i32| {
            format!(
                "{{\"time\":\"{time}\",\"severity\":\"FATAL\",\"schema\":\"forkwatch/1\",\"kind\":\"stuck_child\",\
                 \"fingerprint\":\"0\",\"message\":\"m\",\"host\":\"h\",\"pid\":{pid},\"ppid\":1,\"tid\":{pid},\"thread\":\"t\",\
                 \"exe\":\"/x\",\"argv\":null,\"service\":\"s\",\"context\":null,\"fork_id\":null,\"call\":\"futex\",\
                 \"address\":null,\"object\":\"futex\",\"parent_tids\":[],\"stack\":[],\"python_stack\":null}}\n"
            )
        };
        let (old, new) = ("2024-01-01T00:00:00.000000000Z", "2026-01-01T00:00:00.000000000Z");
        let text = [line(old, 7), line(new, 7), line(new, 70), "{broken :7,\n".to_owned()].concat();
        std::fs::write(&path, text).unwrap();
        let found = about(&path, 7, "2025-06-01");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].time, new);
        assert!(about(folder.path(), 7, "").is_empty());
    }
}
