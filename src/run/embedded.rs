//! The copy of the library that the command carries.

/// The library's file name.
pub const LIBRARY_NAME: &str = "libforkwatch.so";

/// The finished library (see build.rs).
pub static EMBEDDED: &[u8] = include_bytes!(env!("FORKWATCH_LIBRARY"));
