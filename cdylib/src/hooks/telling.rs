//! Writes to a pipe, an eventfd or one of a pair of sockets, with which a thread tells another one something, such as that it is ready.
//! For any other descriptor an entry only looks up a bit and jumps on: a few nanoseconds of a call that takes a hundred at least.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::descriptor::low_half;
use super::hooks;
use crate::state::takers;

hooks! {
    /// Writes to a descriptor.
    jump hook write = |descriptor, _| takers::writes(low_half(descriptor));
    /// Writes to a descriptor what lies in several places.
    jump hook writev = |descriptor, _| takers::writes(low_half(descriptor));
    /// Writes to a socket.
    jump hook send = |descriptor, _| takers::writes(low_half(descriptor));
    /// Writes to a socket, for a named receiver.
    jump hook sendto = |descriptor, _| takers::writes(low_half(descriptor));
    /// Writes to a socket what lies in several places.
    jump hook sendmsg = |descriptor, _| takers::writes(low_half(descriptor));
    /// Adds to an eventfd's counter.
    jump hook eventfd_write = |descriptor, _| takers::writes(low_half(descriptor));
}
