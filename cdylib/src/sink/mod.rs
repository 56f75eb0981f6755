//! Where a finding is written: the crate `forkwatch_sink` writes; this chooses the destinations, and checks that standard error
//! is still what it was.

pub mod output;
pub mod standard_error;

pub use forkwatch_sink::reason::reason;
pub use forkwatch_sink::{State, append, file, run_folder, write_record};
