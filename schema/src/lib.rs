//! What the library (`cdylib/`) and the command (`src/`) share.
//!
//! * [`options`]: the `FORKWATCH_*` variables and the command's flags, one row each.
//! * [`kind`]: the kinds of finding, how bad each is, and what it means.
//! * [`record`]: the fields of a record, one JSON object per line.
//! * [`suppression_rule`]: one rule of a suppression file, and its glob.
//! * [`suppressions`]: all rules in force; a finding is matched against them here.
//! * [`fingerprint`]: the value that stays the same for the same bug; [`lock_id`]: for the same lock; [`users_frame`]: the place that
//!   both are made of.
//! * [`mod@line`]: a record as the line that is written; [`harmless`]: what is escaped in it.
//! * [`destination`]: where records go; [`log_path`]: the marks in a path; [`journal`]: a record as an entry of the journal.
//! * [`run_folder`]: what the library leaves for the `forkwatch run` above it.
//! * [`signals`]: whether a signal handler may end a wait.
//! * [`path`], [`system_calls`], [`time`]: how files, system calls and times are written.
//! * [`programs`]: which programs are watched.
//! * [`nearest`]: the nearest valid word to a misspelt one.

pub mod destination;
pub mod fingerprint;
pub mod guarded_libraries;
pub mod harmless;
mod hash;
pub mod journal;
#[cfg(test)]
mod json_schema;
pub mod kind;
pub mod line;
pub mod lock_id;
pub mod log_path;
pub mod nearest;
pub mod options;
pub mod path;
pub mod programs;
pub mod record;
#[cfg(test)]
mod reference;
pub mod run_folder;
pub mod signals;
pub mod suppression_rule;
pub mod suppressions;
pub mod system_calls;
pub mod time;
pub mod unsafe_functions;
pub mod users_frame;

/// The value of every record's `schema` field. The number rises when a field changes its meaning, not when one is added.
pub const SCHEMA: &str = "forkwatch/1";
