//! The instructions of the exported entries, in the processor's own file.
//!
//! A hook's entry passes the return address and the stack pointer to its body after the arguments. While a hook runs, its return
//! address lies just below the caller's stack pointer: see `Caller::of_hook`.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::{hand_over, hand_over_all, jump_on};
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::{hand_over, hand_over_all, jump_on};
