//! Where records go and in which form: one file and one row per format.

mod ecs;
mod journald;
mod otlp;
mod prometheus;
mod sentry;

use std::io::{self, Write};

use forkwatch_schema::kind::Severity;
use serde_json::Value;

use super::attempt::Attempt;
use super::http::Http;
use super::item::Item;
use crate::message::Failure;

/// One row of [`FORMATS`].
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What `--to` may be.
    pub to: &'static str,
    /// The least severity, unless the user says another.
    pub least: Severity,
    /// The most records that are sent together, unless the user says less.
    pub together: usize,
    /// Prepares it: where to send, or `None` for standard output.
    pub make: fn(Option<&str>, Http) -> Made,
}

/// A format that is ready, or why it cannot be.
pub type Made = Result<Box<dyn Exporter>, Failure>;

/// Every format.
pub const FORMATS: &[Format] = &[
    otlp::FORMAT,
    ecs::FORMAT,
    sentry::FORMAT,
    journald::FORMAT,
    prometheus::FORMAT,
];

/// A format, with the receiver if there is one.
pub trait Exporter {
    /// Whether what is sent is a sum of all batches, and not a batch.
    fn is_sum(&self) -> bool {
        false
    }

    /// Takes in a batch before it is sent, once.
    fn take(&mut self, _items: &[Item]) {}

    /// Writes a batch to standard output.
    fn print(&mut self, items: &[Item], out: &mut dyn Write) -> io::Result<()>;

    /// Writes what comes after all batches.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Sends a batch once.
    fn send(&mut self, items: &[Item]) -> Attempt;

    /// What it has added up, which must be known when it goes on in another run.
    fn sums(&self) -> Value {
        Value::Null
    }

    /// Goes on with what an earlier run has added up.
    fn go_on(&mut self, _sums: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// What `--to` may be, for a value that it may not be.
fn bad_target(format: &Format, to: &str) -> Failure {
    Failure::usage(format!("--to {to}: for {}, give {}", format.name, format.to))
}
