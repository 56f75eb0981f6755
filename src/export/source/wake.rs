//! Waits until there may be something new in the logs: inotify says so at once, and where it does not (on network file systems, or
//! where no more watches are allowed), time does.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use walkdir::WalkDir;

use crate::export::stop::{Stop, Woken};

/// How often to look without being told.
const EVERY: Duration = Duration::from_secs(5);

/// The same where nobody tells.
const EVERY_ALONE: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Debug)]
pub struct Wake {
    /// `None` where the kernel has none left for us.
    events: Option<OwnedFd>,
    /// Whether every directory is watched.
    is_complete: bool,
}

impl Wake {
    /// Watches nothing yet.
    pub fn new() -> Self {
        Self {
            events: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok(),
            is_complete: false,
        }
    }

    /// Watches the directories in which the paths may have new files or lines; those that are watched already stay so.
    pub fn watch(&mut self, paths: &[OsString]) {
        let Some(events) = &self.events else { return };
        let flags = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ONLYDIR;
        let mut folders = paths.iter().flat_map(|path| folders(Path::new(path)));
        self.is_complete = folders.all(|folder| inotify::add_watch(events, folder, flags).is_ok());
    }

    /// Waits until something happens.
    pub fn wait(&self, stop: &Stop) -> Woken {
        let time = if self.is_complete { EVERY } else { EVERY_ALONE };
        stop.wait_for(self.events.as_ref().map(AsFd::as_fd), Some(time))
    }

    /// Forgets what has happened so far: everything will be looked at.
    pub fn forget(&self) {
        let Some(events) = &self.events else { return };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(events, &mut buffer);
        while reader.next().is_ok() {}
    }
}

/// The directories to watch for a path: itself and those below it; of a file, where it is; of what does not exist, or a pattern,
/// where it begins.
fn folders(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let found = WalkDir::new(path).into_iter().filter_map(Result::ok);
        return found
            .filter(|entry| entry.file_type().is_dir())
            .map(walkdir::DirEntry::into_path)
            .collect();
    }
    let mut matched: Vec<PathBuf> = path
        .to_str()
        .and_then(|pattern| glob::glob(pattern).ok())
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    let existing = path.ancestors().skip(1).find(|folder| {
        let is_here = folder.as_os_str().is_empty();
        is_here || folder.is_dir()
    });
    matched.extend(existing.map(Path::to_owned));
    matched.sort();
    matched.dedup();
    let here = |folder: PathBuf| {
        if folder.as_os_str().is_empty() {
            ".".into()
        } else {
            folder
        }
    };
    matched.into_iter().map(here).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::{Wake, Woken};
    use crate::export::stop::Stop;

    #[test]
    fn a_line_and_a_file_wake_at_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let (stop, mut wake) = (Stop::new().unwrap(), Wake::new());
        wake.watch(&[folder.path().into(), folder.path().join("later/*.jsonl").into()]);
        assert!(wake.is_complete);
        for name in ["a", "sub/b", "a"] {
            let start = Instant::now();
            fs::write(folder.path().join(name), name).unwrap();
            assert_eq!(wake.wait(&stop), Woken::Ready, "{name}");
            assert!(start.elapsed() < Duration::from_secs(4));
            wake.forget();
        }
        stop.ask();
        assert_eq!(wake.wait(&stop), Woken::Stop);
    }
}
