//! The command's output without standard error, which would be written a million times here.

use std::fmt::Display;

#[path = "../../src/message.rs"]
mod of_command;

pub use of_command::{Failure, print, print_by};

/// Prints nothing.
pub fn say(_sentence: &impl Display) {}
