//! The command's own output: one sentence on standard error, or a result on standard output.

use std::env;
use std::fmt::{self, Display};
use std::io::{self, BufWriter, ErrorKind, Write};

use forkwatch_text::{Form, Style};

use crate::exit_codes;

/// Why the command failed: its exit code, and the sentence that explains it.
#[derive(Debug)]
pub struct Failure {
    /// One of [`exit_codes`].
    pub code: u8,
    /// What is wrong and what to do about it, without the prefix `forkwatch: `.
    pub sentence: String,
}

impl Failure {
    /// A failure with this code and sentence.
    pub fn new(code: u8, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
    }

    /// Something that cannot be done ([`exit_codes::CANNOT_WATCH`]).
    pub fn cannot(sentence: impl Into<String>) -> Self {
        Self::new(exit_codes::CANNOT_WATCH, sentence)
    }

    /// Wrong usage ([`exit_codes::USAGE`]).
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(exit_codes::USAGE, sentence)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "forkwatch: {}", self.sentence.trim_end())
    }
}

/// Writes a sentence to standard error; it does not matter if that is closed.
pub fn say(sentence: &impl Display) {
    let _no_reader = writeln!(io::stderr().lock(), "{sentence}");
}

/// The style of the library's reports, for what we write in its place to our own standard error.
pub fn live_style(form: Form) -> Style {
    let style = Style {
        form,
        home: env::var("HOME").ok().filter(|home| home.len() > 1),
        working_directory: env::current_dir()
            .ok()
            .and_then(|path| path.into_os_string().into_string().ok()),
        ..Style::LIVE
    };
    match terminal_size::terminal_size_of(io::stderr()) {
        Some((columns, _)) => style.on_terminal(columns.0.into()),
        None => style,
    }
}

/// Writes a result to standard output.
///
/// A reader that stops reading (`forkwatch man | head -1`) is not a failure.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    print_by(|out| out.write_all(bytes))
}

/// Writes a long result piece by piece.
pub fn print_by(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::cannot(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
