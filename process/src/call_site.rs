//! Whether a return address can be that of a call to a given function.
//!
//! Distinguishes a frame from old data on a stack, and says which function a frame has called. Code may be unloaded, so reads are
//! guarded. What a call looks like is in the processor's own file.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::memory::ProcessMemory;
use crate::processor::RETURN_CODE;

#[cfg(target_arch = "aarch64")]
pub use self::aarch64::{call_before, callee, sites};
#[cfg(target_arch = "x86_64")]
pub use self::x86_64::{call_before, callee, sites};

/// What the instruction before a return address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A call of exactly the function asked for.
    Direct,
    /// A call through a register or memory, of any function.
    Indirect,
    /// A call of another function, which may have jumped to the one asked for.
    Other,
}

/// A call in a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where the call returns to.
    pub returns_to: usize,
    /// Which function it calls; `None` where that is in a register or memory.
    pub callee: Option<usize>,
}

/// Whether the code at `address` is where a signal handler returns to.
pub fn is_signal_return(memory: ProcessMemory, address: usize) -> bool {
    let mut code = [0; RETURN_CODE.len()];
    memory.read(address, &mut code) && code == RETURN_CODE
}
