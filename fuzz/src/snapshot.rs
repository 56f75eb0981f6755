//! What the library sees of a process, as far as it is no crate of its own.

pub use forkwatch_process::memory;

#[path = "../../cdylib/src/snapshot/python/mod.rs"]
pub mod python;
