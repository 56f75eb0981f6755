//! Gives hostile input to the code that reads files, records and memory written by others: it must end soon, use little memory,
//! and return an answer or "not known", never crash.
//!
//! | part | file |
//! |---|---|
//! | the targets: functions that take arbitrary bytes and panic if something is wrong | `targets/` |
//! | mutations of stored inputs, the same for the same seed | `mutate` |
//! | memory with the content of an input | `hostile_memory` |
//! | stored inputs, one directory per target | `corpus/` |
//! | stored inputs and mutations, on each `cargo test` | `tests/replay.rs` |
//! | the programs that look for new ones, guided by coverage (`scripts/fuzz`) | `fuzz_targets/` |
//!
//! The command and the library cannot be linked here: the command is a program, and the library's hooks would watch the fuzzer.
//! So the modules under test are compiled again from their files.
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
#[path = "../../src/proc/mod.rs"]
mod proc;
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
    #[expect(
        dead_code,
        reason = "only the configuration is fuzzed here, not the search for functions"
    )]
    pub mod loader_variables;
}

mod hostile_memory;
pub mod mutate;
mod targets;

pub use targets::{TARGETS, Target, run};
