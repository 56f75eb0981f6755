//! How a finding is said: one [`forkwatch_schema::record::Record`] is built once, and `forkwatch_schema::line` and `forkwatch_text` are two renderings of it.

pub mod envelope;
pub mod printable;
