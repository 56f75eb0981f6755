//! `forkwatch run`: from a program's name to its exit status.
//!
//! | question | file |
//! |---|---|
//! | which file is meant? | `target` |
//! | which program does a script start? | `script` |
//! | can the library be loaded into it? | `watchable`, with `elf` and `privileges` |
//! | where is the library? | `library`, with `store` and `embedded` |
//! | which variables are set? | `environment` |
//! | exec the program, or stay its parent? | `start`; `captures` recognises programs that capture output |
//! | what does the parent do while the program runs? | `parent`, with `crate::watch` |
//! | what was found in its process tree? | `kept`; `summary` prints it at the end |
//! | what is the exit status? | `start` decides; `summary` prints the reason |

mod captures;
mod elf;
mod embedded;
mod environment;
mod kept;
mod library;
mod parent;
mod privileges;
mod script;
mod start;
mod store;
mod summary;
mod target;
mod watchable;

pub use elf::what as obstacle;
pub use embedded::LIBRARY_NAME;
pub use environment::variables;
pub use library::library;
pub use start::{ERROR_EXITCODE, INTERPRETER, WATCH, run};
pub use store::write_whole;
