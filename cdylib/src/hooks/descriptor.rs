//! Calls that make something which a forked child could use by mistake. They are only noted.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hooks;
use crate::state::descriptors::{self, Made};

hooks! {
    /// Makes an epoll set.
    jump hook epoll_create = |_, _| descriptors::note(Made::Wakeup);
    /// Makes an epoll set, with flags.
    jump hook epoll_create1 = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a counter that wakes.
    jump hook eventfd = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a timer.
    jump hook timerfd_create = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a descriptor that signals are read from, or changes what it reports.
    jump hook signalfd = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a pipe.
    jump hook pipe = |_, _| descriptors::note(Made::Pipe);
    /// Makes a pipe, with flags.
    jump hook pipe2 = |_, _| descriptors::note(Made::Pipe);
    /// Makes a pair of sockets.
    jump hook socketpair = |_, _| descriptors::note(Made::Pipe);
    /// Connects a socket.
    jump hook connect = |socket, _| descriptors::connects(low_half(socket));
    /// Changes something of a descriptor, or locks a part of its file.
    jump hook fcntl = |_, command| may_lock(command);
    /// The same where a file may be large.
    jump hook fcntl64 = |_, command| may_lock(command);
    /// Locks a part of a file.
    jump hook lockf = |_, _| descriptors::note(Made::RecordLock);
    /// The same where the file may be large.
    jump hook lockf64 = |_, _| descriptors::note(Made::RecordLock);
}

fn may_lock(command: usize) {
    if matches!(low_half(command), libc::F_SETLK | libc::F_SETLKW) {
        descriptors::note(Made::RecordLock);
    }
}

/// An int argument: only the low half of the register is defined.
fn low_half(word: usize) -> i32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    i32::from_ne_bytes([a, b, c, d])
}
