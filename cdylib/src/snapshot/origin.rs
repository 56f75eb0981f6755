//! Where a fork comes from: what its child must know about it, small enough to be noted at every fork of a threaded process.

use core::fmt;

use super::place::{Place, PlaceVerdict};
use crate::config;
use crate::state::depot::{self, StackId};
use crate::state::fork_call::ForkCall;
use crate::state::unwind;
use crate::system::clock;

/// Shared by the record of a fork and everything that its child reports. Unique among the forks of all processes on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkId {
    process: i32,
    seconds: i64,
    nanoseconds: i64,
}

impl ForkId {
    /// A new id, made by this process now.
    pub fn make() -> Self {
        let now = clock::of_day();
        Self {
            process: rustix::process::getpid().as_raw_nonzero().get(),
            seconds: now.seconds,
            nanoseconds: now.nanoseconds,
        }
    }
}

impl fmt::Display for ForkId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}-{:x}-{:x}", self.process, self.seconds, self.nanoseconds)
    }
}

/// One fork of a process with other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkOrigin {
    /// Its id: that of the record that reported such a fork first, if there is one.
    pub id: ForkId,
    /// The function that the program called.
    pub function: &'static str,
    /// Where it was called.
    pub stack: StackId,
    /// What makes it the same finding as another.
    pub place: Place,
    /// The verdict on earlier forks of this place; `None` for the first.
    pub known: Option<PlaceVerdict>,
    /// The kernel's id of the thread that called it.
    pub thread: i32,
    /// The process that called it.
    pub process: i32,
    /// Whether another thread seemed to hold a lock.
    pub has_holders: bool,
    /// Whether the forking thread had Python's interpreter lock.
    pub has_interpreter_lock: bool,
}

/// Where a fork is being called; from the first frame that is not ours where no hook saw it.
pub fn stack_of(call: Option<ForkCall>) -> StackId {
    let depth = config::get().depth;
    let walked = match call {
        Some(call) => unwind::walk_from_above(call.frame(), depth),
        None => unwind::walk_from_caller(depth),
    };
    depot::intern(walked.frames())
}
