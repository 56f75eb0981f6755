//! Where records go and in which form: one file and one row per format.

mod ecs;
mod journald;
mod otlp;
mod prometheus;
mod sentry;

use std::io::{self, Write};
use std::time::Duration;

use forkwatch_schema::kind::Severity;
use serde_json::Value;

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
    pub make: fn(Option<&str>, Http) -> Result<Box<dyn Exporter>, Failure>,
}

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

/// What came of sending a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// The receiver has dealt with it.
    Answered(Answer),
    /// It is to be sent again, after this time if the receiver says so.
    Later(String, Option<Duration>),
    /// The receiver does not want this content: a smaller part of it may do.
    Unfit(String),
    /// The receiver wants nothing like this.
    Refused(String),
}

/// What the receiver did with the records of a batch. It has taken all that are not named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many it had already.
    pub known: u64,
    /// How many it will not take, and why, with the position of the record where that is known.
    pub rejected: Vec<(u64, Option<usize>, String)>,
    /// The positions of those that are to be sent again.
    pub again: Vec<usize>,
    /// Why.
    pub why: String,
}

/// What `--to` may be, for a value that it may not be.
fn bad_target(format: &Format, to: &str) -> Failure {
    Failure::usage(format!("--to {to}: for {}, give {}", format.name, format.to))
}
