//! How a finding is said.

pub mod text;
