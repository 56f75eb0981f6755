//! What a finding's record says. One [`forkwatch_schema::record::Record`] is built once; `forkwatch_schema::line` and
//! `forkwatch_text` render it.
//!
//! Each kind of record has a file, which builds its content from a verdict's evidence; [`envelope`] adds what every record has.

pub mod call;
pub mod child_call;
pub mod envelope;
pub mod fork_outcome;
pub mod leaked_lock;
pub mod lock;
pub mod orphaned_lock;
pub mod possible_deadlock;
pub mod shared_descriptor;
pub mod slow_handler;
pub mod stuck_child;
pub mod summary;
pub mod unsafe_fork;
