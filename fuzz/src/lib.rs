//! What reads files, records and memory that somebody else wrote, given hostile ones: it ends soon, in little memory, with an
//! answer or with "not known", and never in a fault.
//!
//! | part | file |
//! |---|---|
//! | the targets: each a function that takes any bytes and panics where something is wrong | `targets/` |
//! | inputs made from kept ones, the same for the same seed | `mutate` |
//! | memory that holds what an input says | `hostile_memory` |
//! | kept inputs, a folder a target | `corpus/` |
//! | kept inputs and made ones, on each `cargo test` | `tests/replay.rs` |
//! | the programs that look for new ones, led by coverage (`scripts/fuzz`) | `fuzz_targets/` |
//!
//! The command and the library are no crates that could be linked here: the command is a program, and the library's hooks would
//! watch the fuzzer. So the modules under test are compiled again, from their own files.
// Their unit tests run in the packages that they belong to. `cargo test FILTER` builds them here, too, whatever the manifest says.
#![cfg(not(test))]
#![allow(
    dead_code,
    unused_imports,
    missing_debug_implementations,
    reason = "of the modules under test, only some functions are called here"
)]

#[path = "../../src/exit_codes.rs"]
mod exit_codes;
mod message;
#[path = "../../src/process/mod.rs"]
mod process;
#[path = "../../src/report/mod.rs"]
mod report;
#[path = "../../src/settings.rs"]
mod settings;
#[path = "../../src/symbols/mod.rs"]
mod symbols;

#[path = "../../cdylib/src/config.rs"]
mod config;

#[path = "../../cdylib/src/system"]
mod system {
    pub mod environment;
}

mod hostile_memory;
pub mod mutate;
mod targets;

pub use targets::{TARGETS, Target, run};
