//! libforkwatch.so: reports unsafe forks in unmodified threaded programs.
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
#![deny(unsafe_code)]

pub mod snapshot;
pub mod system;
