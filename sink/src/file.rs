//! Writing to a file or FIFO by path, or to a descriptor that the user named.
#![expect(unsafe_code, reason = "a descriptor known by its number alone")]

use core::ffi::CStr;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fcntl_getfl, fstat, openat};
use rustix::io::{Errno, pread, retry_on_intr, write};
use rustix::net::{SendFlags, send};
use rustix::thread::nanosleep;

use crate::signals::BlockedSignals;
use crate::state::State;

/// How every file is opened. `NONBLOCK` means nothing to a file; without it, opening a FIFO that nobody reads would block the
/// program for ever.
const APPENDING: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY)
    .union(OFlags::NONBLOCK);

/// What a pipe that is ready for writing takes at once without blocking: PIPE_BUF of pipe(7).
const AT_ONCE: usize = 4096;

/// A reader that has taken the beginning of a line gets this many naps to take the rest.
const MAX_NAPS: u32 = 50;
/// A line that stays incomplete for this many naps no longer has a writer.
const OPEN_LINE_CHECKS: u32 = 10;
const NAP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 2_000_000,
};

/// Appends to a file, which is created with mode 0640 if it does not exist. Never follows a symbolic link at the path's end.
pub fn append(path: &CStr, text: &[u8], state: &State) -> Result<(), Errno> {
    let flags = APPENDING.union(OFlags::CREATE);
    let file = openat(CWD, path, flags, Mode::from_raw_mode(0o640))?;
    if fstat(&file).is_ok_and(|status| has_open_line(path, &status)) {
        state.set_torn(true);
    }
    write_all(&file, text, WhenFull::Drop, state)
}

/// Appends to an existing file; `text` gets its present size in bytes.
pub fn append_to_existing(path: &CStr, text: impl FnOnce(u64) -> Option<Vec<u8>>) -> Result<(), Errno> {
    let file = openat(CWD, path, APPENDING, Mode::empty())?;
    let size = u64::try_from(fstat(&file)?.st_size).unwrap_or(0);
    match text(size) {
        Some(text) => write_all(&file, &text, WhenFull::Drop, &State::new()),
        None => Ok(()),
    }
}

/// Writes to the descriptor with this number. It belongs to the program and may be blocking; we never block.
pub fn write_to_number(number: u16, text: &[u8], state: &State) -> Result<(), Errno> {
    write_to(number, text, WhenFull::Drop, state)
}

/// The same, but waits briefly for a slow reader: for text that a person reads.
pub fn write_to_number_patiently(number: u16, text: &[u8], state: &State) -> Result<(), Errno> {
    write_to(number, text, WhenFull::Wait, state)
}

fn write_to(number: u16, text: &[u8], when_full: WhenFull, state: &State) -> Result<(), Errno> {
    // SAFETY: the descriptor is only used for writing, here; if it is not open, the kernel returns an error.
    let descriptor = unsafe { BorrowedFd::borrow_raw(i32::from(number)) };
    let status = fstat(descriptor)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Socket => write_all(Socket(descriptor), text, when_full, state),
        FileType::Fifo | FileType::CharacterDevice if !fcntl_getfl(descriptor)?.contains(OFlags::NONBLOCK) => {
            match reopened(number, &status) {
                Some(own) => write_all(&own, text, when_full, state),
                None => write_all(Ready(descriptor), text, when_full, state),
            }
        }
        _ => write_all(descriptor, text, when_full, state),
    }
}

/// The same pipe or terminal with our own flags; `None` where `/proc` is missing or the terminal is another user's.
fn reopened(number: u16, status: &Stat) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{number}");
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let own = openat(CWD, path, flags, Mode::empty()).ok()?;
    let same = fstat(&own).is_ok_and(|own| (own.st_dev, own.st_ino) == (status.st_dev, status.st_ino));
    same.then_some(own)
}

/// Whether a file's last line has no end: its writer found the disk full or ended in the middle of the line.
fn has_open_line(path: &CStr, status: &Stat) -> bool {
    let open_line = || -> Option<bool> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = openat(CWD, path, flags, Mode::empty()).ok()?;
        let before = fstat(&file).ok()?;
        let last = u64::try_from(before.st_size).ok()?.checked_sub(1)?;
        let mut byte = [0];
        let read = retry_on_intr(|| pread(&file, &mut byte, last)).ok()?;
        if (before.st_dev, before.st_ino) != (status.st_dev, status.st_ino) || read != 1 || byte == *b"\n" {
            return Some(false);
        }
        // Its writer may be in the middle of the line, waiting for a processor.
        let stays_open = || {
            nap();
            fstat(&file).is_ok_and(|now| now.st_size == before.st_size)
        };
        Some((0..OPEN_LINE_CHECKS).all(|_| stays_open()))
    };
    let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    is_file && status.st_size > 0 && open_line() == Some(true)
}

/// What to do with a reader that takes nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhenFull {
    /// Drop the text at once.
    Drop,
    /// Wait as long as for a reader that has taken a part.
    Wait,
}

/// A target that takes some bytes without blocking.
trait Target {
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno>;
}

impl Target for BorrowedFd<'_> {
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        retry_on_intr(|| write(self, bytes))
    }
}

impl Target for &OwnedFd {
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.as_fd().write(bytes)
    }
}

struct Socket<'fd>(BorrowedFd<'fd>);

impl Target for Socket<'_> {
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        retry_on_intr(|| send(self.0, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
    }
}

/// A blocking descriptor, which is written to only when it would not block.
struct Ready<'fd>(BorrowedFd<'fd>);

impl Target for Ready<'_> {
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut wanted = [PollFd::from_borrowed_fd(self.0, PollFlags::OUT)];
        match retry_on_intr(|| poll(&mut wanted, Some(&now)))? {
            0 => Err(Errno::AGAIN),
            _ => self.0.write(bytes.get(..AT_ONCE).unwrap_or(bytes)),
        }
    }
}

/// Writes all of the text: with one call wherever the kernel takes all of it, as it does for files. If the previous line was left
/// open, ends that first.
fn write_all(to: impl Target, text: &[u8], when_full: WhenFull, state: &State) -> Result<(), Errno> {
    let started = state.is_torn().then(|| [b"\n", text].concat());
    let text = started.as_deref().unwrap_or(text);
    let mut signals = BlockedSignals::new();
    let mut written = 0;
    let mut naps = 0;
    let error = loop {
        match to.write(text.get(written..).unwrap_or_default()) {
            Ok(more) => written += more,
            Err(Errno::AGAIN) if (written == 0 && when_full == WhenFull::Drop) || state.is_stuck() => {
                break Errno::AGAIN;
            }
            Err(Errno::AGAIN) if naps == MAX_NAPS => {
                state.set_stuck(true);
                break Errno::AGAIN;
            }
            Err(Errno::AGAIN) => {
                naps += 1;
                nap();
            }
            Err(error) => {
                signals.note(error);
                break error;
            }
        }
        if written >= text.len() {
            state.set_torn(false);
            state.set_stuck(false);
            return Ok(());
        }
    };
    if written > 0 {
        // If one more byte fits, ending the line here loses only this text; otherwise the next text begins by ending it.
        let ended = text.get(written - 1) == Some(&b'\n') || to.write(b"\n").is_ok_and(|written| written == 1);
        state.set_torn(!ended);
    }
    Err(error)
}

/// A signal may end it early, so the caller counts its naps.
fn nap() {
    let _early_is_fine = nanosleep(&NAP);
}

#[cfg(test)]
mod tests;
