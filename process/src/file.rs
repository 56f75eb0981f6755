//! Files, read into our own memory through raw system calls.
//!
//! Safe in the parent and in a forked child: nothing here calls libc, takes a lock or keeps a descriptor open beyond the life of
//! its value. It must never map a file: a user who replaces a library in place (`cp new.so old.so`) truncates the file briefly,
//! and a read from its mapping would kill the watched program with SIGBUS, where a `pread` just returns less.

use core::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::{pread, read, retry_on_intr};

/// The most bytes [`read_whole`] takes; `/proc/self/maps` of a process with the kernel's default limit of 65,530
/// mappings stays below.
const MAX_WHOLE: usize = 64 << 20;

/// Bytes asked of the kernel at once.
const CHUNK: usize = 64 << 10;

/// Whether this path, which does not end with NUL, names a program or script that this process may execute.
pub fn is_program(path: &[u8]) -> bool {
    let Ok(path) = std::ffi::CString::new(path) else {
        return false;
    };
    if rustix::fs::access(path.as_c_str(), rustix::fs::Access::EXEC_OK).is_err() {
        return false;
    }
    let mut magic = [0; 4];
    match RegularFile::open(&path) {
        Some(file) => file.read_exact_at(0, &mut magic) && (magic == *b"\x7fELF" || magic.starts_with(b"#!")),
        // A folder, or a file that can be executed but not read: then it is not known whether the call will succeed.
        None => false,
    }
}

/// The whole content of a small file or of a file in `/proc`; `None` where it cannot be opened or read, or is longer
/// than 64 MiB.
pub fn read_whole(path: &CStr) -> Option<Vec<u8>> {
    let descriptor = open_to_read(path)?;
    let mut content = Vec::new();
    let mut filled = 0_usize;
    loop {
        if !grow(&mut content, filled.checked_add(CHUNK)?) {
            return None;
        }
        match retry_on_intr(|| read(&descriptor, content.get_mut(filled..).unwrap_or_default())).ok()? {
            0 => break,
            count => filled += count,
        }
        if filled > MAX_WHOLE {
            return None;
        }
    }
    content.truncate(filled);
    Some(content)
}

/// A regular file, open for reading at any place.
#[derive(Debug)]
pub struct RegularFile {
    descriptor: OwnedFd,
    size: u64,
}

impl RegularFile {
    /// Opens `path`; `None` where it cannot be opened or is not a regular file (a pipe or a device could block us, or
    /// do something when read).
    pub fn open(path: &CStr) -> Option<Self> {
        let descriptor = open_to_read(path)?;
        let status = fstat(&descriptor).ok()?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return None;
        }
        let size = u64::try_from(status.st_size).ok()?;
        Some(Self { descriptor, size })
    }

    /// Its length in bytes when it was opened; it may have been truncated since.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills all of `into` from the file's byte `offset` on; false where the file has less.
    pub fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> bool {
        let mut filled = 0_usize;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let Some(place) = offset.checked_add(filled as u64) else {
                return false;
            };
            match retry_on_intr(|| pread(&self.descriptor, &mut *rest, place)) {
                Ok(count) if count > 0 => filled += count,
                _ => return false,
            }
        }
        true
    }

    /// The `length` bytes from `offset` on; `None` where the file has less or memory is short.
    pub fn read_range(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        // Checked before memory is allocated: a damaged header may name any length.
        if offset.checked_add(length)? > self.size {
            return None;
        }
        let mut content = Vec::new();
        let filled = grow(&mut content, usize::try_from(length).ok()?) && self.read_exact_at(offset, &mut content);
        filled.then_some(content)
    }
}

fn open_to_read(path: &CStr) -> Option<OwnedFd> {
    // NONBLOCK: the path may be a pipe by now, and opening that would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    retry_on_intr(|| openat(CWD, path, flags, Mode::empty())).ok()
}

/// Makes `content` at least `length` bytes long; false where memory is short, for which `Vec` alone would abort.
fn grow(content: &mut Vec<u8>, length: usize) -> bool {
    let missing = length.saturating_sub(content.len());
    if content.try_reserve(missing).is_err() {
        return false;
    }
    content.resize(content.len() + missing, 0);
    true
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn c_path(path: &std::path::Path) -> CString {
        CString::new(path.as_os_str().as_bytes()).unwrap()
    }

    #[test]
    fn proc_files_are_read_to_their_end() {
        let status = read_whole(c"/proc/self/status").unwrap();
        assert!(status.starts_with(b"Name:"));
        assert!(status.ends_with(b"\n"));
        assert!(read_whole(c"/proc/self/no-such-file").is_none());
    }

    #[test]
    fn only_regular_files_are_opened() {
        assert!(RegularFile::open(c"/dev/null").is_none());
        assert!(RegularFile::open(c"/proc").is_none());
        let folder = tempdir();
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(RegularFile::open(&c_path(&pipe)).is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_cut_short_gives_nothing_and_kills_nobody() {
        let folder = tempdir();
        let path = folder.join("library.so");
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        let file = RegularFile::open(&c_path(&path)).unwrap();
        assert_eq!(file.read_range(9_000, 1_000).unwrap(), vec![7; 1_000]);
        assert!(file.read_range(9_001, 1_000).is_none());
        assert!(file.read_range(u64::MAX, 2).is_none());
        std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        assert!(file.read_range(0, 1).is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }

    fn tempdir() -> std::path::PathBuf {
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let folder = std::env::temp_dir().join(format!("forkwatch-file-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
