//! A record goes to every sink that the user named.

use forkwatch_schema::log_path::Marks;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Record;
use forkwatch_schema::run_folder::Note;
use forkwatch_text::{self as text, Form, Style};
use rustix::io::Errno;

use crate::config::{self, Config};
use crate::record::envelope;
use crate::sink::{State, append, reason, run_folder, standard_error, write_record};

/// Writes a record to the log alone, and ignores failures: for a record that only completes another one.
pub fn write_to_log(record: &Record) {
    let config = config::get();
    if let Some(folder) = &config.run_folder {
        let _nobody_reads = run_folder::keep(folder, record);
    }
    if let Some(log) = &config.log {
        let _the_finding_itself_was_reported = write_record(log, record, &LOG);
    }
}

/// How the text output shows a record.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'option> {
    /// In full. With the option that stops the program here, if one does.
    Whole(Option<&'option str>),
    /// In a few lines: the same fork was shown in full before.
    Briefly,
    /// Not at all: it adds nothing to what was shown.
    InRecordsOnly,
}

/// Writes a record to the log and to the folder of the `forkwatch run` above, and its text to the text output.
pub fn write(record: &Record, shown: Shown<'_>) {
    let config = config::get();
    // First of all: the program may be ended at any time.
    if let Some(folder) = &config.run_folder {
        let _nobody_reads = run_folder::keep(folder, record);
        if let Shown::Whole(Some(option)) = shown {
            let _nobody_reads = run_folder::note(folder, Note::Stopped(&record.fingerprint, option));
        }
    }
    let marks = Marks {
        pid: record.pid,
        host: &record.host,
        program: base_name(&record.exe),
    };
    write_log(config, record);
    let style = style(config);
    let text = match shown {
        Shown::Whole(stopped) => text::render(record, stopped, &style),
        Shown::Briefly => text::render_again(record, &style),
        Shown::InRecordsOnly => return,
    };
    let is_shown = write_text(config, &text, marks);
    if let Some(folder) = config.run_folder.as_ref().filter(|_| is_shown) {
        let _nobody_reads = run_folder::note(folder, Note::Shown(&record.fingerprint));
    }
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

fn style(config: &Config) -> Style {
    let home = config.home.clone();
    let folder = rustix::process::getcwd(Vec::new())
        .ok()
        .and_then(|folder| folder.into_string().ok());
    let style = Style {
        form: if config.in_lines { Form::Line } else { Form::Full },
        home,
        working_directory: folder,
        ..Style::LIVE
    };
    if config.text != b"stderr" || !standard_error::is_terminal() {
        return style;
    }
    let style = Style {
        colour: config.colour_allowed,
        ..style
    };
    match standard_error::columns() {
        Some(columns) => style.on_terminal(columns),
        None => style,
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

/// Writes to the text output. Returns whether the user sees it there: a program may have redirected its standard error.
fn write_text(config: &Config, text: &str, marks: Marks<'_>) -> bool {
    match config.text.as_slice() {
        b"off" => true,
        _ if text.is_empty() => true,
        b"stderr" => {
            let is_written = standard_error::write(text.as_bytes());
            let folder = config.run_folder.as_ref();
            is_written && folder.is_none_or(|run| standard_error::is(run.device, run.inode))
        }
        path => match append(path, marks, text.as_bytes(), &TEXT) {
            Ok(()) => true,
            Err(error) => {
                complain_once(&TEXT, "the report", &String::from_utf8_lossy(path), error);
                false
            }
        },
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
