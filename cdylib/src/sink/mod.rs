//! Where a finding is said: `forkwatch_sink` writes, and this knows whether standard error is still the program's.

pub mod output;
pub mod standard_error;

pub use forkwatch_sink::reason::reason;
pub use forkwatch_sink::{State, append, file, run_folder, write_record};
