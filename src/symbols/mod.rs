//! Names and lines for addresses in files: functions, those inlined there, source files and lines.
//!
//! | question | file |
//! |---|---|
//! | which files describe this module? | `files` |
//! | who has them, if this machine does not? | `debuginfod` |
//! | which functions and lines are at an address? | `names` |
//!
//! `addr2line` reads them, as it does in the library, so that both give the same names. `blazesym` finds separate files by
//! itself, but does not check the build id of the file that a link or directory names, reads split debug information only if it
//! is packed (`.dwp`, not `.dwo`), and would be a second reader besides `addr2line`, with another version of `gimli`.

mod debuginfod;
mod files;
mod names;

pub use debuginfod::URLS;
pub use files::{Sources, exists, find};
pub use names::{Function, Names};
