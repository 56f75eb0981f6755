//! The words that the library (`cdylib/`) and the command (`src/`) share, each written once.
//!
//! * [`options`]: the `FORKWATCH_*` variables and the command's flags, one row each.
//! * [`kind`]: the kinds of finding, how bad each is, and what it means.
//! * [`record`]: the fields of a record, one JSON object a line.
//! * [`suppression`]: the suppression file's rules.
//! * [`suppressions`]: all rules in force, and what they fit.
//! * [`nearest`]: the nearest valid word to a misspelt one.

pub mod kind;
pub mod nearest;
pub mod options;
pub mod record;
pub mod suppression;
pub mod suppressions;

/// The value of every record's `schema` field. The number rises when a field changes its meaning, not when one is added.
pub const SCHEMA: &str = "forkwatch/1";
