//! Where a finding goes: the same destinations as the library's, with the same code.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use forkwatch_schema::destination::Destination;
use forkwatch_schema::log_path::Marks;
use forkwatch_schema::options::Values;
use forkwatch_schema::path::base_name;
use forkwatch_schema::programs::Programs;
use forkwatch_schema::record::Record;
use forkwatch_schema::run_folder::{Note, RunFolder};
use forkwatch_schema::suppressions::Suppressions;
use forkwatch_sink::reason::reason;
use forkwatch_sink::{State, run_folder};
use forkwatch_text::harmless::harmless;
use forkwatch_text::{Form, render, sentence};
use rustix::io::Errno;

use super::tree::Member;
use crate::clock;
use crate::message::{Failure, live_style, say};
use crate::records::{self, about};
use crate::settings::{Setting, read_rules};

/// The sinks of a run, and what its records have in common.
#[derive(Debug)]
pub struct Sinks {
    settings: Vec<Setting>,
    run_folder: RunFolder,
    host: String,
    log_state: State,
    text_state: State,
}

impl Sinks {
    /// The sinks named by these settings and our own environment.
    pub fn of(settings: &[Setting], run_folder: &RunFolder) -> Self {
        Self {
            settings: settings.to_vec(),
            run_folder: run_folder.clone(),
            host: records::host(),
            log_state: State::new(),
            text_state: State::new(),
        }
    }

    fn value(&self, variable: &str) -> Option<OsString> {
        let given = self.settings.iter().find(|setting| setting.row.variable == variable);
        let value = given.map(|setting| setting.value.clone());
        value
            .or_else(|| env::var_os(variable))
            .filter(|value| !value.is_empty())
    }

    /// Whether records carry the command line.
    pub fn has_arguments(&self) -> bool {
        self.value("FORKWATCH_ARGV").is_none_or(|value| value != "off")
    }

    /// The service that records name.
    pub fn service(&self, program: &str) -> String {
        let given = self
            .value("FORKWATCH_SERVICE")
            .or_else(|| self.value("OTEL_SERVICE_NAME"));
        given.map_or_else(|| program.to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The text that every record carries.
    pub fn context(&self) -> Option<String> {
        Some(self.value("FORKWATCH_CONTEXT")?.to_string_lossy().into_owned())
    }

    fn marks<'mark>(&'mark self, pid: i32, program: &'mark str) -> Marks<'mark> {
        let host = &self.host;
        Marks { pid, host, program }
    }

    /// What the library has written about a process, and about the fork that made it.
    pub fn reported(&self, member: &Member) -> Vec<Record> {
        let records = PathBuf::from(OsString::from_vec(self.run_folder.records()));
        about(&records, member.process.0, &clock::started(member.stat.started))
    }

    fn log(&self) -> Option<Destination> {
        // The library has already reported an invalid value from the environment.
        Destination::parse(self.value("FORKWATCH_LOG")?.as_bytes()).ok()
    }

    /// Whether the user wants the program of this finding to be watched.
    pub fn is_watched(&self, record: &Record) -> bool {
        let given = self
            .settings
            .iter()
            .find(|setting| setting.row.values == Values::Programs);
        let value = given.map_or_else(
            || env::var_os("FORKWATCH_PROGRAMS"),
            |setting| Some(setting.value.clone()),
        );
        // The library has already reported an invalid value.
        let programs = value.and_then(|value| Programs::parse(&value.to_string_lossy()).ok());
        programs.is_none_or(|programs| programs.include(base_name(&record.exe)))
    }

    /// Whether a suppression rule suppresses a finding.
    pub fn is_suppressed(&self, record: &Record) -> bool {
        let files = self.value("FORKWATCH_SUPPRESS").unwrap_or_default();
        let paths = files.as_bytes().split(|&byte| byte == b':').map(OsStr::from_bytes);
        // Read again each time: findings are rare. The library has already reported what is wrong with a file.
        let (rules, _complaints) =
            Suppressions::load(paths.map(|path| (path.to_string_lossy().into_owned(), read_rules(path))));
        rules.suppresses(record)
    }

    /// Writes a finding to all of them. A failed write does not affect the program.
    pub fn report(&self, record: &Record) {
        let program = base_name(&record.exe);
        // First: the program may end at any time, and its exit status depends on this.
        let kept = run_folder::keep(&self.run_folder, record)
            .and_then(|()| run_folder::note(&self.run_folder, Note::Shown(&record.fingerprint)));
        if let Err(error) = kept {
            let folder = String::from_utf8_lossy(&self.run_folder.path);
            complain("the finding", &folder, error);
        }
        if let Some(log) = self.log()
            && let Err(error) = forkwatch_sink::write_record(&log, record, &self.log_state)
            && self.log_state.note_failure()
        {
            complain("records", &log.to_string(), error);
        }
        let form = Form::named(self.value("FORKWATCH_FORMAT").unwrap_or_default().as_bytes());
        let text = text(record, form);
        let to = self.value("FORKWATCH_TEXT").unwrap_or_else(|| "stderr".into());
        match to.as_bytes() {
            b"off" => {}
            b"stderr" => {
                let _no_reader = io::stderr().write_all(text.as_bytes());
            }
            path => {
                let marks = self.marks(record.pid, program);
                if let Err(error) = forkwatch_sink::append(path, marks, text.as_bytes(), &self.text_state)
                    && self.text_state.note_failure()
                {
                    complain("the report", &to.to_string_lossy(), error);
                }
            }
        }
    }
}

fn complain(what: &str, to: &str, error: Errno) {
    say(&Failure::cannot(harmless(&format!(
        "cannot write {what} to {to}: {}; the program continues without it",
        reason(error)
    ))));
}

/// The report in the words of the library, with what is only visible from outside.
fn text(record: &Record, form: Form) -> String {
    let style = live_style(form);
    if form == Form::Line {
        return render(record, None, &style);
    }
    let more = format!(
        "Seen from outside: it has not moved for seconds. For more, run: forkwatch inspect {}",
        record.pid
    );
    render(record, None, &style) + &sentence(&more, &style)
}
