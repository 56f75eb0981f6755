//! Writing to a file by path, or to a descriptor that the user named.
#![expect(unsafe_code, reason = "a descriptor known by its number alone, and signal masks")]

use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr, write};

use crate::system::system_call::system_call;

/// How every file is opened. `NONBLOCK` means nothing to a file; a FIFO that nobody reads would hold the program up for ever
/// without it, at the opening already.
const APPENDING: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY)
    .union(OFlags::NONBLOCK);

/// Appends to a file, which is made with mode 0640 if it is not there. Never follows a symbolic link at the path's end.
pub fn append(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let flags = APPENDING.union(OFlags::CREATE);
    write_to(openat(CWD, path, flags, Mode::from_raw_mode(0o640))?, text)
}

/// Appends to a file that must be there already.
pub fn append_to_existing(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    write_to(openat(CWD, path, APPENDING, Mode::empty())?, text)
}

/// Writes to the descriptor of this number.
pub fn write_to_number(number: u16, text: &[u8]) -> Result<(), Errno> {
    // SAFETY: the descriptor is only used for writing, here; if it is not open, the kernel says so.
    write_to(unsafe { BorrowedFd::borrow_raw(i32::from(number)) }, text)
}

/// Holds back SIGPIPE and SIGXFSZ, which a write of ours may raise and the program has done nothing for. The kernel's sets of
/// signals have one bit a signal.
struct HeldBack {
    before: u64,
    ours: u64,
}

impl HeldBack {
    fn new() -> Self {
        let mut pending = 0_u64;
        // SAFETY: the kernel fills the set.
        unsafe {
            system_call(
                libc::SYS_rt_sigpending,
                [&raw mut pending as usize, SET_BYTES, 0, 0, 0, 0],
            )
        };
        // One that waits already is the program's own, and stays.
        let ours = (bit(libc::SIGPIPE) | bit(libc::SIGXFSZ)) & !pending;
        let before = change_mask(libc::SIG_BLOCK, ours);
        Self { before, ours }
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let arguments = [
            &raw const self.ours as usize,
            0,
            &raw const now as usize,
            SET_BYTES,
            0,
            0,
        ];
        // SAFETY: the set and the time are our own. The wait does not block, and takes one signal a call.
        while unsafe { system_call(libc::SYS_rt_sigtimedwait, arguments) } > 0 {}
        change_mask(libc::SIG_SETMASK, self.before);
    }
}

const SET_BYTES: usize = size_of::<u64>();

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Changes which signals this thread holds back, and gives those that it held back before.
fn change_mask(how: i32, set: u64) -> u64 {
    let mut before = 0_u64;
    let places = [&raw const set as usize, &raw mut before as usize];
    // SAFETY: both sets are our own.
    unsafe {
        system_call(
            libc::SYS_rt_sigprocmask,
            [how.unsigned_abs() as usize, places[0], places[1], SET_BYTES, 0, 0],
        )
    };
    before
}

/// Writes all of the text: with one call wherever the kernel takes it whole, as it does for files.
fn write_to(to: impl AsFd, text: &[u8]) -> Result<(), Errno> {
    /// A full pipe that nobody reads must not hold the program up for ever.
    const MOST_TRIES: u32 = 50;
    let _signals = HeldBack::new();
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
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use rustix::io::Errno;
    use std::ffi::CString;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_fifo_that_nobody_reads_holds_nobody_up() {
        let folder = std::env::temp_dir().join(format!("forkwatch-fifo-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = CString::new(folder.join("fifo").to_str().unwrap()).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!(append(&path, b"x\n"), Err(Errno::NXIO));
        std::fs::remove_dir_all(folder).unwrap();
    }

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
