//! The records that the library wrote about one process, found in its log.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use forkwatch_schema::destination::Destination;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::log_path::{Marks, expand};
use forkwatch_schema::record::{Detail, Record};

/// The file that a value of `FORKWATCH_LOG` names for a process; `None` if its records do not go to a file.
pub fn log_file(value: &OsStr, marks: Marks<'_>) -> Option<PathBuf> {
    match Destination::parse(value.as_bytes()).ok()? {
        Destination::File(path) => Some(PathBuf::from(OsString::from_vec(expand(&path, marks)))),
        Destination::Descriptor(_) | Destination::Socket(_) | Destination::Journal => None,
    }
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The records in a file about the process with this id that started at `started`, in RFC 3339: ids are reused, and logs live
/// on. A file that cannot be read has none.
pub fn about(path: &Path, pid: i32, started: &str) -> Vec<Record> {
    // Reading a FIFO would block and take records from its reader.
    let Ok(file) = fs::metadata(path).and_then(|data| {
        if data.is_file() {
            File::open(path)
        } else {
            Err(ErrorKind::InvalidInput.into())
        }
    }) else {
        return Vec::new();
    };
    let mark = format!(":{pid},");
    let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    lines
        // Most lines belong to other processes and need not be parsed.
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
    use super::about;

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
