//! Whether it is a finding, and how bad.

pub mod exec_bound;
pub mod own_locks;
