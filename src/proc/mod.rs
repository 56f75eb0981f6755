//! What the kernel shows of another process in `/proc`, without stopping or signalling it.
//!
//! | question | file |
//! |---|---|
//! | what is it, and whose child? | `stat`, `status` |
//! | which system call does a thread wait in? | `system_call` |
//! | does that wait end? | `futex` |
//!
//! Not by the crate `procfs` (0.18): it treats a process that waits outside system calls (`-1 0x7ffd 0x7f00`) as an error, cannot
//! read the status of one whose name is not UTF-8, and panics if a file system in user space cuts a line short.

mod folder;
mod futex;
mod stat;
mod status;
mod system_call;

pub use folder::{Process, all};
pub use futex::{FutexWait, is_futex};
pub use stat::Stat;
pub use status::Status;
pub use system_call::SystemCall;
