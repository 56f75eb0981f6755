//! Where a finding goes: the same places that the library was given.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use forkwatch_schema::log_path::Marks;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, MAX_RECORD_BYTES, Record};
use forkwatch_schema::suppressions::Suppressions;
use forkwatch_text::{Style, render, sentence};
use rustix::fs::OFlags;

use super::tree::Member;
use crate::clock;
use crate::process::Process;
use crate::records::{self, Log, about};
use crate::settings::Setting;

/// Frames that a record keeps that is too long.
const SHOWN_FRAMES: usize = 32;

/// The library makes its files with this mode.
const MODE: u32 = 0o640;

/// The sinks of a run, and what its records have in common.
#[derive(Debug)]
pub struct Sinks {
    settings: Vec<Setting>,
    tally: PathBuf,
    host: String,
}

impl Sinks {
    /// The sinks that these settings and our own environment name.
    pub fn of(settings: &[Setting], tally: &Path) -> Self {
        Self {
            settings: settings.to_vec(),
            tally: tally.to_owned(),
            host: records::host(),
        }
    }

    fn value(&self, variable: &str) -> Option<OsString> {
        let given = self.settings.iter().find(|setting| setting.variable == variable);
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

    fn log(&self, pid: i32, program: &str) -> Option<PathBuf> {
        let log = Log::of(&self.value("FORKWATCH_LOG")?)?;
        let host = &self.host;
        Some(log.path(Marks { pid, host, program }))
    }

    /// What the library has written about a process, and about the fork that made it.
    pub fn told(&self, member: &Member, program: &str) -> Vec<Record> {
        let (pid, started) = (member.process.0, clock::started(member.stat.started));
        let own = self.log(pid, program);
        let of_fork = self
            .log(member.stat.parent, program)
            .filter(|path| Some(path) != own.as_ref());
        let files = own.into_iter().chain(of_fork);
        files.flat_map(|path| about(&path, pid, &started)).collect()
    }

    /// Whether the library has told anything about a process that it cannot go on from: for when its records go to no file.
    pub fn was_counted(&self, process: Process) -> bool {
        let Process(pid) = process;
        let text = fs::read_to_string(&self.tally).unwrap_or_default();
        text.lines().any(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            matches!(words[..], [_, "orphaned_lock" | "stuck_child", who] if who == pid.to_string())
        })
    }

    /// Whether a suppression rule silences a finding.
    pub fn is_silenced(&self, record: &Record) -> bool {
        let files = self.value("FORKWATCH_SUPPRESS").unwrap_or_default();
        let paths = files.as_bytes().split(|&byte| byte == b':').map(OsStr::from_bytes);
        // Read anew each time: findings are rare. What is wrong with a file the library has said already.
        let (rules, _complaints) =
            Suppressions::load(paths.map(|path| (path.to_string_lossy().into_owned(), fs::read(path).ok())));
        rules.silences(record)
    }

    /// Writes a finding to all of them. Whatever cannot be written changes nothing for the program.
    pub fn tell(&self, record: &Record) {
        let program = base_name(&record.exe);
        let counted = format!("{} {} {}\n", record.severity.name(), record.kind.name(), record.pid);
        // First of all: the program may end at any moment, and its status with it.
        let mut written = append(&self.tally, counted.as_bytes(), false);
        if let Some(path) = self.log(record.pid, program) {
            written = written.and(append(&path, &line(record), true));
        }
        let text = text(record);
        let to = self.value("FORKWATCH_TEXT").unwrap_or_else(|| "stderr".into());
        match to.to_str() {
            Some("off") => {}
            Some("stderr") => written = written.and(io::stderr().write_all(text.as_bytes())),
            _ => {
                let host = &self.host;
                let path = Log::of(&to).map(|path| {
                    path.path(Marks {
                        pid: record.pid,
                        host,
                        program,
                    })
                });
                let path = path.unwrap_or_else(|| PathBuf::from(&to));
                written = written.and(append(&path, text.as_bytes(), true));
            }
        }
        if let Err(error) = written {
            let _nobody_to_tell = writeln!(io::stderr(), "forkwatch: a finding cannot be written: {error}");
        }
    }
}

/// Appends with one write, so that lines of several processes do not mix.
fn append(path: &Path, bytes: &[u8], create: bool) -> io::Result<()> {
    // Neither through a link that somebody put there, nor waiting for a FIFO's reader.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let options = options.append(true).create(create).mode(MODE);
    options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?
        .write_all(bytes)
}

/// The record as one line that is not too long: a command line may be any length, a stack of ours is not.
fn line(record: &Record) -> Vec<u8> {
    let json = |record: &Record| {
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        line
    };
    let whole = json(record);
    if whole.len() < MAX_RECORD_BYTES {
        return whole;
    }
    let mut shorter = record.clone();
    shorter.argv = None;
    shorter.truncated = vec!["argv".into()];
    if let Detail::StuckChild(detail) = &mut shorter.detail {
        detail.stack.truncate(SHOWN_FRAMES);
        shorter.truncated.push("stack".into());
    }
    json(&shorter)
}

/// The report for people, in the words of the library, and what only who looks from outside can say.
fn text(record: &Record) -> String {
    let more = format!(
        "Seen from outside: it has not moved for seconds. More: forkwatch inspect {}",
        record.pid
    );
    render(record, None, &Style::LIVE) + &sentence(&more, &Style::LIVE)
}
