//! What the library keeps of a run: a private directory with every record of the process tree, and notes on which of them the
//! user has seen.

use std::collections::{HashMap, HashSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write, stderr};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use forkwatch_schema::run_folder::{Note, RUN_FOLDER, RunFolder};
use rustix::fs::fstat;
use tempfile::TempDir;

use crate::message::Failure;

/// The folder, removed when it is dropped.
#[derive(Debug)]
pub struct Kept {
    names: RunFolder,
    _folder: TempDir,
}

/// The content of the notes, by fingerprint.
#[derive(Debug, Default)]
pub struct Notes {
    shown: HashSet<String>,
    stopped: HashMap<String, String>,
}

impl Notes {
    /// Whether a finding's report has reached the user.
    pub fn is_shown(&self, fingerprint: &str) -> bool {
        self.shown.contains(fingerprint)
    }

    /// The option that stopped the finding's fork or its child, as it would be set in the environment.
    pub fn stopped(&self, fingerprint: &str) -> Option<&str> {
        self.stopped.get(fingerprint).map(String::as_str)
    }
}

impl Kept {
    /// Makes an empty folder that only this user can read and write.
    pub fn new() -> Result<Self, Failure> {
        let make = || -> io::Result<(TempDir, PathBuf)> {
            let folder = tempfile::Builder::new()
                .prefix("forkwatch-run-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            let path = fs::canonicalize(folder.path())?;
            Ok((folder, path))
        };
        let cannot = |error: io::Error| {
            let folder = env::temp_dir();
            let shown = folder.display();
            Failure::cannot(format!(
                "cannot create a file in {shown}: {error}; set TMPDIR to a directory you can write to"
            ))
        };
        let (folder, path) = make().map_err(cannot)?;
        let (device, inode) = fstat(stderr().as_fd()).map_or((0, 0), |status| (status.st_dev, status.st_ino));
        let kept = Self {
            names: RunFolder {
                device,
                inode,
                path: path.into_os_string().into_vec(),
            },
            _folder: folder,
        };
        for file in [kept.records(), kept.notes_file()] {
            let mut private = File::options();
            private.create_new(true).write(true).mode(0o600);
            private.open(file).map_err(cannot)?;
        }
        Ok(kept)
    }

    /// The variable for the library.
    pub fn variable(&self) -> (OsString, OsString) {
        (OsString::from(RUN_FOLDER), OsString::from_vec(self.names.value()))
    }

    /// The names of the folder's files.
    pub fn names(&self) -> &RunFolder {
        &self.names
    }

    /// The file of records.
    pub fn records(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.names.records()))
    }

    fn notes_file(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.names.notes()))
    }

    /// The current content of the notes.
    pub fn notes(&self) -> Notes {
        let text = fs::read_to_string(self.notes_file()).unwrap_or_default();
        let mut notes = Notes::default();
        for note in text.lines().filter_map(Note::parse) {
            match note {
                Note::Shown(fingerprint) => {
                    notes.shown.insert(fingerprint.to_owned());
                }
                Note::Stopped(fingerprint, option) => {
                    notes.stopped.insert(fingerprint.to_owned(), option.to_owned());
                }
            }
        }
        notes
    }

    /// Passes everything on to an outer `forkwatch run`, whose variable this one has replaced.
    pub fn hand_on(&self) {
        let Some(outer) = env::var_os(RUN_FOLDER).and_then(|value| RunFolder::parse(value.as_bytes())) else {
            return;
        };
        let pairs = [(self.records(), outer.records()), (self.notes_file(), outer.notes())];
        for (from, to) in pairs {
            let _outer_may_be_gone = append(&from, Path::new(OsStr::from_bytes(&to)));
        }
    }
}

fn append(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = fs::read(from)?;
    OpenOptions::new().append(true).open(to)?.write_all(&bytes)
}
