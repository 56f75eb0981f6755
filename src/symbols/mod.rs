//! Names and lines for addresses in files: functions, those inlined there, source files and lines.
//!
//! | question | file |
//! |---|---|
//! | which files name this module? | `files` |
//! | who has them, if this machine has not? | `debuginfod` |
//! | what do they say of an address? | `names` |
//!
//! `addr2line` reads them, as it does in the library, so that both give one code one name. `blazesym` finds separate files by
//! itself, but takes whatever file a link or a directory has without asking for its build id, reads split debug information only
//! where it is packed (`.dwp`, not `.dwo`), and would be another reader beside `addr2line`, with another version of `gimli`.

mod debuginfod;
mod files;
mod names;

pub use debuginfod::URLS;
pub use files::{Sources, exists, find};
pub use names::{Function, Names};
