//! A place in a log, and how to find both again.
//!
//! A log is known by its content: its first line, and the line before the place. So it is found again after it was renamed, copied
//! and truncated, compressed, or moved to another file system. Records hold their time in nanoseconds, so that no two logs begin
//! alike. Device and inode tell apart logs that do, because they are copies.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::export::id::Id;

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName {
    /// Its path when it was last seen.
    pub path: PathBuf,
    /// How it is found again; `None` for a pipe, which is read once.
    pub identity: Option<Identity>,
}

/// How a log is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its device.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// The hash of its first line.
    pub head: Id,
    /// What it looks like, if it is compressed: such a file does not grow.
    pub packed: Option<Packed>,
}

/// Size and time of a compressed file, which need not be read again to be known. The number alone is not enough: it is soon given
/// to another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Its bytes in the file system.
    pub size: u64,
    /// When it was written, in seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

/// A place in a log, behind a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The bytes before it, after decompression.
    pub end: u64,
    /// The lines before it.
    pub line: u64,
    /// Where the last of them that is not empty begins, without spaces around it.
    pub last_at: u64,
    /// How long that is.
    pub last_bytes: u64,
    /// Its hash.
    pub last: Id,
}
