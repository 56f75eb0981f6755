//! Writing to a file by path, or to a descriptor that the user named.
#![expect(unsafe_code, reason = "a descriptor known by its number alone")]

use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr, write};

/// Appends to a file, which is made with mode 0640 if it is not there. Never follows a symbolic link at the path's end.
pub fn append(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
    write_to(openat(CWD, path, flags, Mode::from_raw_mode(0o640))?, text)
}

/// Appends to a file that must be there already.
pub fn append_to_existing(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
    write_to(openat(CWD, path, flags, Mode::empty())?, text)
}

/// Writes to the descriptor of this number.
pub fn write_to_number(number: u16, text: &[u8]) -> Result<(), Errno> {
    // SAFETY: the descriptor is only used for writing, here; if it is not open, the kernel says so.
    write_to(unsafe { BorrowedFd::borrow_raw(i32::from(number)) }, text)
}

/// Writes all of the text: with one call wherever the kernel takes it whole, as it does for files.
fn write_to(to: impl AsFd, text: &[u8]) -> Result<(), Errno> {
    /// A full pipe that nobody reads must not hold the program up for ever.
    const MOST_TRIES: u32 = 50;
    let mut rest = text;
    for _ in 0..MOST_TRIES {
        match retry_on_intr(|| write(&to, rest)) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                let nap = rustix::thread::Timespec {
                    tv_sec: 0,
                    tv_nsec: 2_000_000,
                };
                // A signal may end the nap early; the number of tries bounds the whole.
                let _early_is_fine = rustix::thread::nanosleep(&nap);
            }
            Err(error) => return Err(error),
        }
        if rest.is_empty() {
            return Ok(());
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use super::{append, append_to_existing};
    use std::ffi::CString;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn files_are_made_appended_to_and_links_refused() {
        let folder = std::env::temp_dir().join(format!("forkwatch-sink-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let name = |file: &str| CString::new(folder.join(file).to_str().unwrap()).unwrap();
        assert!(append_to_existing(&name("log"), b"x").is_err());
        append(&name("log"), b"one\n").unwrap();
        append(&name("log"), b"two\n").unwrap();
        append_to_existing(&name("log"), b"three\n").unwrap();
        let log = folder.join("log");
        assert_eq!(std::fs::read(&log).unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o137, 0);
        symlink(&log, folder.join("link")).unwrap();
        assert!(append(&name("link"), b"x").is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
