//! Standard error, while it is still what it was at the start: a program may have closed descriptor 2 and opened its database
//! there.
#![expect(unsafe_code, reason = "the standard streams by their numbers")]

use core::sync::atomic::{AtomicU64, Ordering};
use rustix::fd::BorrowedFd;

use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fstat};

use super::State;
use super::file::write_to_number_patiently;

const NUMBER: u16 = 2;
/// Device and inode of descriptor 2 at the start; zeros where it was closed. Relaxed: written before the program begins.
static DEVICE: AtomicU64 = AtomicU64::new(0);
/// Relaxed, as above.
static INODE: AtomicU64 = AtomicU64::new(0);

/// Remembers what descriptor 2 is. Called once, at the start.
pub fn remember() {
    if let Ok(now) = fstat(stderr()) {
        DEVICE.store(now.st_dev, Ordering::Relaxed);
        INODE.store(now.st_ino, Ordering::Relaxed);
    }
}

/// Writes to standard error if that is safe. Returns whether it was written; a failure cannot be reported anywhere.
pub fn write(text: &[u8]) -> bool {
    static STATE: State = State::new();
    is_safe() && write_to_number_patiently(NUMBER, text, &STATE).is_ok()
}

/// Whether standard error is this file now.
pub fn is(device: u64, inode: u64) -> bool {
    fstat(stderr()).is_ok_and(|now| identity(&now) == (device, inode))
}

/// Whether standard error is a terminal.
pub fn is_terminal() -> bool {
    rustix::termios::isatty(stderr())
}

/// The columns of the terminal that standard error is; `None` where it does not know.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stderr()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

fn is_safe() -> bool {
    let Ok(now) = fstat(stderr()) else { return false };
    if identity(&now) == (DEVICE.load(Ordering::Relaxed), INODE.load(Ordering::Relaxed)) {
        return true;
    }
    match FileType::from_raw_mode(now.st_mode) {
        FileType::CharacterDevice | FileType::Fifo => true,
        // A log file that the program has redirected its standard error to: databases are not opened for appending.
        FileType::RegularFile => {
            fcntl_getfl(stderr()).is_ok_and(|flags| flags.contains(OFlags::APPEND))
                || fstat(stdout()).is_ok_and(|other| identity(&other) == identity(&now))
        }
        _ => false,
    }
}

fn identity(file: &Stat) -> (u64, u64) {
    (file.st_dev, file.st_ino)
}

/// Whatever is open as descriptor 2; if nothing is, each call on it fails.
fn stderr() -> BorrowedFd<'static> {
    // SAFETY: used for single calls that touch no memory of the descriptor's owner.
    unsafe { BorrowedFd::borrow_raw(2) }
}

/// Whatever is open as descriptor 1.
fn stdout() -> BorrowedFd<'static> {
    // SAFETY: as in `stderr`.
    unsafe { BorrowedFd::borrow_raw(1) }
}
