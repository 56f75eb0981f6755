//! Calls that make something which a forked child could use by mistake. They are only noted.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::state::descriptors::{self, Made};

hooks! {
    /// Makes an epoll set.
    jump hook epoll_create = |_, _| descriptors::note(Made::Wakeup);
    /// Makes an epoll set, with flags.
    jump hook epoll_create1 = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a counter that wakes.
    hook eventfd(value, flags) -> c_int = |_, real| {
        descriptors::note(Made::Wakeup);
        let eventfd = real();
        descriptors::is_channel_from_now_on(eventfd);
        eventfd
    };
    /// Makes a timer.
    jump hook timerfd_create = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a descriptor that signals are read from, or changes what it reports.
    jump hook signalfd = |_, _| descriptors::note(Made::Wakeup);
    /// Makes a pipe.
    hook pipe(ends) -> c_int = |_, real| makes_ends(ends, real);
    /// Makes a pipe, with flags.
    hook pipe2(ends, flags) -> c_int = |_, real| makes_ends(ends, real);
    /// Makes a pair of sockets.
    hook socketpair(domain, kind, protocol, ends) -> c_int = |_, real| makes_ends(ends, real);
    /// Makes a duplicate.
    hook dup(old) -> c_int = |_, real| duplicates(old, real);
    /// Makes a duplicate with this number.
    hook dup2(old, new) -> c_int = |_, real| duplicates(old, real);
    /// Makes a duplicate with this number, with flags.
    hook dup3(old, new, flags) -> c_int = |_, real| duplicates(old, real);
    /// Connects a socket.
    jump hook connect = |socket, _| descriptors::connects(low_half(socket));
    /// Changes something of a descriptor, or locks a part of its file.
    hook fcntl(descriptor, command, argument) -> c_int = |_, real| changes(descriptor, command, real);
    /// The same where a file may be large.
    hook fcntl64(descriptor, command, argument) -> c_int = |_, real| changes(descriptor, command, real);
    /// Locks a part of a file.
    jump hook lockf = |_, _| descriptors::note(Made::RecordLock);
    /// The same where the file may be large.
    jump hook lockf64 = |_, _| descriptors::note(Made::RecordLock);
}

/// A call that makes two ends, between which threads of this process may talk.
fn makes_ends(ends: usize, real: impl FnOnce() -> c_int) -> c_int {
    descriptors::note(Made::Pipe);
    let result = real();
    if result == 0 {
        // SAFETY: the call has just written both numbers there.
        let ends = unsafe { core::ptr::with_exposed_provenance::<[c_int; 2]>(ends).read_unaligned() };
        ends.into_iter().for_each(descriptors::is_channel_from_now_on);
    }
    result
}

/// A call that makes a duplicate of a descriptor, which reaches the same threads.
fn duplicates(old: usize, real: impl FnOnce() -> c_int) -> c_int {
    let duplicate = real();
    // Standard streams go elsewhere. A child that shares this memory redirects them before it executes a program.
    if duplicate > libc::STDERR_FILENO && descriptors::may_be_channel(low_half(old)) {
        descriptors::is_channel_from_now_on(duplicate);
    }
    duplicate
}

/// `fcntl`. It takes a third argument for some commands only, in a register.
fn changes(descriptor: usize, command: usize, real: impl FnOnce() -> c_int) -> c_int {
    match low_half(command) {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => return duplicates(descriptor, real),
        libc::F_SETLK | libc::F_SETLKW => descriptors::note(Made::RecordLock),
        _ => {}
    }
    real()
}

/// An int argument: only the low half of the register is defined.
#[inline(always)]
pub fn low_half(word: usize) -> i32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    i32::from_ne_bytes([a, b, c, d])
}
