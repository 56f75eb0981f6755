//! A record goes to every sink that the user named.

use std::ffi::CString;

use forkwatch_schema::kind::Severity;
use forkwatch_schema::log_path::Marks;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Record;
use forkwatch_text::{self as text, Style};
use rustix::io::Errno;

use crate::config::{self, Config};
use crate::record::envelope;
use crate::sink::{State, append, file, reason, standard_error, write_record};

/// Writes a record to the log alone, and complains of nothing: for what only completes another record.
pub fn write_to_log(record: &Record) {
    if let Some(log) = &config::get().log {
        let _the_finding_itself_was_reported = write_record(log, record, &LOG);
    }
}

/// Writes a record to the log, its text to the text output, and its severity to the tally.
pub fn write(record: &Record, stopped: Option<&str>) {
    let config = config::get();
    if let Some(tally) = &config.tally
        && record.severity > Severity::Info
        && let Ok(path) = CString::new(tally.clone())
    {
        let line = format!("{} {} {}\n", record.severity.name(), record.kind.name(), record.pid);
        // The command that made the file has gone: nobody is left to read it.
        let _nobody_reads = file::append_to_existing(&path, line.as_bytes());
    }
    let marks = Marks {
        pid: record.pid,
        host: &record.host,
        program: base_name(&record.exe),
    };
    write_log(config, record);
    let coloured = config.colour_allowed && config.text == b"stderr" && standard_error::is_terminal();
    write_text(config, &text::render(record, stopped, &style(coloured)), marks);
}

/// Writes one sentence to the text output.
pub fn write_sentence(sentence: &str) {
    let config = config::get();
    let exe = envelope::program_path();
    let host = envelope::host();
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let marks = Marks {
        pid,
        host: &host,
        program: base_name(&exe),
    };
    write_text(config, &text::sentence(sentence, &Style::LIVE), marks);
}

fn style(colour: bool) -> Style {
    let home = config::get().home.clone();
    let folder = rustix::process::getcwd(Vec::new())
        .ok()
        .and_then(|folder| folder.into_string().ok());
    Style {
        colour,
        home,
        working_directory: folder,
        ..Style::LIVE
    }
}

/// The log, and the text output where it is a file.
static LOG: State = State::new();
static TEXT: State = State::new();

fn write_log(config: &Config, record: &Record) {
    let Some(log) = &config.log else { return };
    if let Err(error) = write_record(log, record, &LOG) {
        complain_once(&LOG, "records", &log.to_string(), error);
    }
}

fn write_text(config: &Config, text: &str, marks: Marks<'_>) {
    match config.text.as_slice() {
        b"off" => {}
        _ if text.is_empty() => {}
        b"stderr" => standard_error::write(text.as_bytes()),
        path => {
            if let Err(error) = append(path, marks, text.as_bytes(), &TEXT) {
                complain_once(&TEXT, "the report", &String::from_utf8_lossy(path), error);
            }
        }
    }
}

fn complain_once(state: &State, what: &str, path: &str, error: Errno) {
    if state.note_failure() {
        let why = reason(error);
        let sentence = format!("cannot write {what} to {path}: {why}; the program continues without it");
        let text = text::sentence(&sentence, &Style::LIVE);
        standard_error::write(text.as_bytes());
    }
}
