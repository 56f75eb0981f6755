//! How far each log was sent, in a file that is replaced as a whole once the receiver has acknowledged: a crash repeats at most the
//! batch that was on its way.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::Id;
use super::source::known::Known;
use super::source::mark::{Identity, LogName, Mark, Packed};
use super::whole_file::write_whole;
use crate::message::Failure;

/// The value of the file's `schema`.
const SCHEMA: &str = "forkwatch-positions/1";

/// Days after which a log that is gone is forgotten.
const KEPT_DAYS: i64 = 3;

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    schema: String,
    /// What is sent where: positions mean nothing to another receiver.
    purpose: String,
    logs: Vec<Row>,
    /// What a format has added up.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    sums: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    path: String,
    device: u64,
    inode: u64,
    head: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packed: Option<Packed>,
    end: u64,
    line: u64,
    last_at: u64,
    last_bytes: u64,
    last: String,
    /// When it was seen last, in days since 1970.
    day: i64,
    /// Whether it is there now.
    #[serde(skip)]
    is_here: bool,
}

/// What was acknowledged.
#[derive(Debug)]
pub struct Positions {
    path: PathBuf,
    purpose: String,
    rows: FxHashMap<(u64, u64, Id), Row>,
    /// What a format has added up of the records before the positions.
    pub sums: Value,
    /// Locked while this lives.
    lock: File,
}

impl Drop for Positions {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread forks meanwhile has the descriptor, and with it the lock, until it execs.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl Positions {
    /// Reads the file, and keeps other exports away from it.
    pub fn open(path: &Path, purpose: &str) -> Result<Self, Failure> {
        let shown = path.display();
        let failed = |error: &io::Error| Failure::cannot(format!("the positions {shown} cannot be kept: {error}"));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        // Not the file itself, which is replaced.
        let mut name: OsString = path.into();
        name.push(".lock");
        let lock = File::create(&name).map_err(|error| failed(&error))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(Failure::cannot(format!(
                    "another export uses the positions {shown}; end that first, or name another file with --positions"
                )));
            }
            Err(error) => return Err(failed(&error.into())),
        }
        let mut positions = Self {
            path: path.to_owned(),
            purpose: purpose.to_owned(),
            rows: FxHashMap::default(),
            sums: Value::Null,
            lock,
        };
        match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&error)),
            Ok(bytes) => positions.load(&bytes)?,
        }
        Ok(positions)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let content: Content = serde_json::from_slice(bytes).map_err(|error| self.damaged(&error))?;
        if content.schema != SCHEMA {
            return Err(self.damaged(&format!("its schema is '{}'", content.schema)));
        }
        if content.purpose != self.purpose {
            return Err(Failure::usage(format!(
                "the positions {} are those of '{}'; name another file with --positions",
                self.path.display(),
                content.purpose
            )));
        }
        for row in content.logs {
            let id = |text: &str| Id::parse(text).ok_or_else(|| self.damaged(&format!("'{text}' is no hash")));
            let (head, _) = (id(&row.head)?, id(&row.last)?);
            self.rows.insert((row.device, row.inode, head), row);
        }
        self.sums = content.sums;
        Ok(())
    }

    /// Why the content cannot be used.
    pub fn damaged(&self, why: &impl Display) -> Failure {
        let shown = self.path.display();
        Failure::usage(format!(
            "the positions {shown} cannot be read: {why}; remove the file to send everything again"
        ))
    }

    /// The same for the reader.
    pub fn known(&self) -> Known {
        let mut known = Known::default();
        for ((device, inode, head), row) in &self.rows {
            let log = LogName {
                path: PathBuf::from(&row.path),
                identity: Some(Identity {
                    device: *device,
                    inode: *inode,
                    head: *head,
                    packed: row.packed,
                }),
            };
            let mark = Mark {
                end: row.end,
                line: row.line,
                last_at: row.last_at,
                last_bytes: row.last_bytes,
                last: Id::parse(&row.last).unwrap_or_default(),
            };
            known.note(&log, mark);
        }
        known
    }

    /// Notes how far a log was sent.
    pub fn note(&mut self, log: &LogName, mark: Mark) {
        let Some(identity) = log.identity else { return };
        let row = Row {
            path: log.path.to_string_lossy().into_owned(),
            device: identity.device,
            inode: identity.inode,
            head: identity.head.to_string(),
            packed: identity.packed,
            end: mark.end,
            line: mark.line,
            last_at: mark.last_at,
            last_bytes: mark.last_bytes,
            last: mark.last.to_string(),
            day: 0,
            is_here: true,
        };
        self.rows.insert((identity.device, identity.inode, identity.head), row);
    }

    /// Notes that a log is gone.
    pub fn forget(&mut self, log: &LogName) {
        let row = log
            .identity
            .and_then(|identity| self.rows.get_mut(&(identity.device, identity.inode, identity.head)));
        if let Some(row) = row {
            row.is_here = false;
        }
    }

    /// Replaces the file.
    pub fn save(&mut self) -> Result<(), Failure> {
        let today = Timestamp::now().as_second() / 86_400;
        self.rows.retain(|_, row| {
            if row.is_here {
                row.day = today;
            }
            row.day >= today - KEPT_DAYS
        });
        let mut logs: Vec<Row> = self.rows.values().cloned().collect();
        logs.sort_by(|one, other| (&one.path, one.inode).cmp(&(&other.path, other.inode)));
        let content = Content {
            schema: SCHEMA.to_owned(),
            purpose: self.purpose.clone(),
            logs,
            sums: self.sums.clone(),
        };
        write_whole(&self.path, |out| {
            serde_json::to_writer_pretty(&mut *out, &content)?;
            out.write_all(b"\n")
        })
        .map_err(|error| Failure::cannot(format!("the positions {} cannot be kept: {error}", self.path.display())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Id, Identity, LogName, Mark, Packed, Positions, Value};

    #[test]
    fn what_was_saved_comes_back_for_the_same_purpose_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/positions.json");
        let packed = Packed {
            size: 7,
            modified: (1, 2),
        };
        let identity = Identity {
            device: 1,
            inode: 2,
            head: Id::of(b"first"),
            packed: Some(packed),
        };
        let log = LogName {
            path: "log".into(),
            identity: Some(identity),
        };
        let mark = Mark {
            end: 100,
            line: 3,
            last_at: 80,
            last_bytes: 19,
            last: Id::of(b"last"),
        };
        let mut positions = Positions::open(&path, "ecs to x").unwrap();
        positions.note(&log, mark);
        positions.sums = Value::from(5);
        positions.save().unwrap();
        let busy = Positions::open(&path, "ecs to x").unwrap_err().sentence;
        assert!(busy.starts_with("another export uses"), "{busy}");
        drop(positions);
        let positions = Positions::open(&path, "ecs to x").unwrap();
        let known = positions.known();
        assert_eq!(known.find(&identity, |found| *found == mark), Some(mark));
        assert_eq!(known.end_of_packed(1, 2, packed), Some((identity, mark)));
        let other = Packed {
            modified: (1, 3),
            ..packed
        };
        assert_eq!(known.end_of_packed(1, 2, other), None);
        assert_eq!(positions.sums, Value::from(5));
        drop(positions);
        let other = Positions::open(&path, "ecs to y").unwrap_err().sentence;
        assert!(other.contains("are those of 'ecs to x'"), "{other}");
        fs::write(&path, "{").unwrap();
        let damaged = Positions::open(&path, "ecs to x").unwrap_err();
        assert!(
            damaged.code == 2 && damaged.sentence.contains("remove the file"),
            "{damaged}"
        );
    }
}
