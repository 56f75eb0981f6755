//! How a finding is said: one [`forkwatch_schema::record::Record`] is built once, and JSON and text are two renderings of it.

pub mod envelope;
pub mod json;
pub mod printable;
pub mod text;
