//! Names and lines for addresses in files: functions, those inlined there, source files and lines.
//!
//! | question | file |
//! |---|---|
//! | which files describe this module? | `files` |
//! | who has them, if this machine does not? | `debuginfod` |
//! | which functions and lines are at an address? | `names` |
//!
//! The crate `process/` looks up names, demangles them and evaluates debug information, here and in the library, so that both
//! give the same names. Only this module maps debug information, because a browser's is larger than a report's memory, and reads
//! split files, both with `addr2line`'s own loader. `blazesym` finds separate files by itself, but does not check the build id of
//! the file that a link or directory names, reads split debug information only if it is packed (`.dwp`, not `.dwo`), and would be a
//! second reader besides `addr2line`, with another version of `gimli`.

mod debuginfod;
mod files;
mod names;
mod regular_file;

pub use debuginfod::URLS;
pub use files::{Sources, find};
pub use names::Names;
pub use regular_file::exists;
