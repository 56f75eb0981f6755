//! Where a child makes a call.

use crate::config;
use crate::state::depot::{self, StackId};
use crate::state::stack_cache::Caller;
use crate::state::unwind::{self, Reach};

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The function called.
    pub function: &'static str,
    stack: Stack,
}

#[derive(Clone, Copy, Debug)]
enum Stack {
    /// The caller's stack pointer after the call's return, and its return address.
    Pointer(usize, usize),
    /// An address in the hook's frame.
    Above(usize),
    /// Walked already.
    Known(StackId),
}

impl Site {
    /// The call of a hot hook.
    pub const fn of(caller: Caller) -> Self {
        Self {
            function: caller.function,
            stack: Stack::Pointer(caller.stack_pointer, caller.return_address),
        }
    }

    /// The call whose hook has a frame around `address`.
    pub const fn above(function: &'static str, address: usize) -> Self {
        Self {
            function,
            stack: Stack::Above(address),
        }
    }

    /// The same call, with its stack kept for later.
    pub fn kept(self) -> Self {
        Self {
            stack: Stack::Known(self.stack()),
            ..self
        }
    }

    /// Its stack. Walked now, so the call must still be under way, unless it was kept.
    pub fn stack(&self) -> StackId {
        let depth = config::get().depth;
        let walked = match self.stack {
            Stack::Known(stack) => return stack,
            Stack::Pointer(pointer, return_address) => {
                let walked = unwind::walk_from(pointer, depth, Reach::Anywhere);
                if walked.frames().is_empty() {
                    return depot::intern(&[return_address]);
                }
                walked
            }
            Stack::Above(address) => unwind::walk_from_above(address, depth),
        };
        depot::intern(walked.frames())
    }
}
