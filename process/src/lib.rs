//! Reads a process, this one or another, by what the kernel, the ELF files and the compiler's tables say.
//!
//! The library reads the process it lives in, the command others. Nothing here trusts what it reads: memory that is not
//! mapped, tables that are wrong and stacks that lead in circles end in "not known".
//!
//! * [`memory`]: guarded reads.
//! * [`unwind`]: from one frame of a stack to its caller's.
//!
//! The library calls this inside of any program's thread, so what it may not do there is refused here too (`clippy.toml`).
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests live in no watched program"
    )
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod memory;
pub mod unwind;
