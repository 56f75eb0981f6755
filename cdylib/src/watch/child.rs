//! What a forked child calls: which of its calls never return, and how it ends.
//!
//! | file | its part |
//! |---|---|
//! | `call` | before a call that takes a lock: is it an orphan, or can no thread release it? |
//! | `wait` | before a wait that takes no lock: condition variables, barriers, futexes |
//! | `waits_in_vain` | waits with a time-out, made again and again for what only a lost thread could bring |
//! | `prediction` | before a call that takes a free lock: could it as well have been held at the fork? |
//! | `attempt` | failed attempts to take a lock: is it freed, or waited for? |
//! | `python_lock` | waits for CPython locks that no hook sees |
//! | `redirected` | calls that a child shows by its import slots, for the next three |
//! | `audited` | calls that are not async-signal-safe |
//! | `guarded` | calls into libraries that do not work after fork |
//! | `descriptor` | uses of a descriptor that the parent waits on or uses, too |
//! | `outcome` | how the child of a reported fork ended |
//! | `finding` | what a child reports, and stopping it |
//! | `reporter` | a finding's record, and the option that stops the child |
//! | `fork_report` | the record of the fork itself, where the parent wrote none |
//! | `site` | where a call was made |

mod attempt;
mod audited;
mod call;
mod descriptor;
mod finding;
mod fork_report;
mod guarded;
mod outcome;
mod prediction;
mod python_lock;
mod redirected;
mod reporter;
mod site;
mod wait;
mod waits_in_vain;

pub use self::call::{after_release, before_call, before_region, before_short_region, forget};
pub use self::finding::creates_thread;
pub use self::outcome::{Program, ends, executes};
pub use self::prediction::is_own;
pub use self::redirected::is_called;
pub use self::wait::{barrier, condition, destroys_condition, futex};
pub use crate::state::forked_child::is_watched;
pub use crate::verdict::child_call::Wait;
