//! The frame size of a function with a frame pointer, read from its first instructions, which are in the processor's own file.
//!
//! Only `blocked_stack` calls this, where a thread's stack pointer is known but its frame pointer is not.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::distances;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::distances;

/// How much code is read.
pub(crate) const LENGTH: usize = 96;
