//! The calls that a forked child shows, because they use a descriptor that it may share with its parent: one row each.

use core::ffi::CStr;

use super::shared_descriptor::Use;

/// One function, whose first argument is a descriptor.
#[derive(Debug)]
pub struct WatchedCall {
    /// Its name, as the loader knows it.
    pub symbol: &'static CStr,
    /// Its name in records: without what the compiler adds for its checks.
    pub name: &'static str,
    /// What it does with the descriptor.
    pub does: Use,
}

const fn row(symbol: &'static CStr, name: &'static str, does: Use) -> WatchedCall {
    WatchedCall { symbol, name, does }
}

/// Every row; its place is the number of its entry.
pub static WATCHED_CALLS: [WatchedCall; 29] = [
    row(c"read", "read", Use::Reads),
    row(c"__read_chk", "read", Use::Reads),
    row(c"readv", "readv", Use::Reads),
    row(c"recv", "recv", Use::Reads),
    row(c"__recv_chk", "recv", Use::Reads),
    row(c"recvfrom", "recvfrom", Use::Reads),
    row(c"__recvfrom_chk", "recvfrom", Use::Reads),
    row(c"recvmsg", "recvmsg", Use::Reads),
    row(c"eventfd_read", "eventfd_read", Use::Reads),
    row(c"epoll_wait", "epoll_wait", Use::Reads),
    row(c"epoll_pwait", "epoll_pwait", Use::Reads),
    row(c"epoll_pwait2", "epoll_pwait2", Use::Reads),
    row(c"write", "write", Use::Writes),
    row(c"writev", "writev", Use::Writes),
    row(c"pwrite", "pwrite", Use::Writes),
    row(c"pwrite64", "pwrite", Use::Writes),
    row(c"pwritev", "pwritev", Use::Writes),
    row(c"pwritev64", "pwritev", Use::Writes),
    row(c"ftruncate", "ftruncate", Use::Writes),
    row(c"ftruncate64", "ftruncate", Use::Writes),
    row(c"send", "send", Use::Writes),
    row(c"sendto", "sendto", Use::Writes),
    row(c"sendmsg", "sendmsg", Use::Writes),
    row(c"sendmmsg", "sendmmsg", Use::Writes),
    row(c"shutdown", "shutdown", Use::Writes),
    row(c"eventfd_write", "eventfd_write", Use::Writes),
    row(c"epoll_ctl", "epoll_ctl", Use::Changes),
    row(c"signalfd", "signalfd", Use::Changes),
    row(c"timerfd_settime", "timerfd_settime", Use::Changes),
];

/// The functions' names, in the order of the rows.
pub fn symbols() -> impl Iterator<Item = &'static CStr> {
    WATCHED_CALLS.iter().map(|call| call.symbol)
}

#[cfg(test)]
mod tests {
    use super::WATCHED_CALLS;
    use crate::state::redirects::FIRST_OTHER;

    #[test]
    fn each_row_has_an_entry() {
        assert!(WATCHED_CALLS.len() <= FIRST_OTHER);
    }
}
