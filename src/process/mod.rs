//! What the kernel shows of another process in `/proc`, without stopping or signalling it.
//!
//! | question | file |
//! |---|---|
//! | what is it, and whose child? | `stat`, `status` |
//! | which system call does a thread wait in? | `system_call` |
//! | does that wait end? | `futex` |

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
