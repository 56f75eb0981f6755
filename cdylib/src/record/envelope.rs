//! What every record has: which process and thread wrote it, and when.

use forkwatch_process::file::read_whole;
use forkwatch_schema::SCHEMA;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Record};
use forkwatch_schema::time::rfc3339;
use forkwatch_text::headline;

use crate::config;
use crate::state::context;
use crate::system::clock;
use crate::system::printable::printable;
use crate::system::process;
use crate::system::task;

/// What one finding says.
#[derive(Debug)]
pub struct Content {
    /// How bad it is.
    pub severity: Severity,
    /// Its kind.
    pub kind: Kind,
    /// The same for the same bug.
    pub fingerprint: String,
    /// The fork it belongs to.
    pub fork_id: Option<String>,
    /// The kind's own fields.
    pub detail: Detail,
    /// The lists that are incomplete, because there was too much.
    pub truncated: Vec<String>,
}

/// The record with this content, here and now. `thread` is Python's name for the thread that writes it.
pub fn seal(content: Content, thread: Option<&str>) -> Record {
    let config = config::get();
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let exe = program_path();
    let mut record = Record {
        time: now(),
        severity: content.severity,
        schema: SCHEMA.to_owned(),
        kind: content.kind,
        fingerprint: content.fingerprint,
        message: String::new(),
        host: host(),
        pid: rustix::process::getpid().as_raw_nonzero().get(),
        ppid: rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get()),
        tid,
        thread: thread
            .filter(|name| !name.is_empty())
            .map_or_else(|| printable(&task::name(tid)), |name| printable(name.as_bytes())),
        argv: if config.argv { arguments() } else { None },
        service: config
            .service
            .as_deref()
            .map_or_else(|| base_name(&exe).to_owned(), printable),
        exe,
        context: context::get().as_deref().map(printable),
        fork_id: content.fork_id,
        detail: content.detail,
        truncated: content.truncated,
    };
    record.message = headline(&record);
    record
}

/// The time as RFC 3339 in UTC, always with nine digits of a second.
fn now() -> String {
    let (seconds, nanoseconds) = clock();
    rfc3339(seconds, nanoseconds)
}

/// Seconds and nanoseconds since 1970, UTC.
pub fn clock() -> (i64, i64) {
    let time = clock::of_day();
    (time.seconds, time.nanoseconds)
}

/// The node name of this machine, as `uname` gives it.
pub fn host() -> String {
    printable(rustix::system::uname().nodename().to_bytes())
}

/// The program's file; empty where that is not known.
pub fn program_path() -> String {
    printable(&process::program_path())
}

/// The command line; `None` where `/proc` cannot be read.
pub fn arguments() -> Option<Vec<String>> {
    let line = read_whole(c"/proc/thread-self/cmdline")?;
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    Some(line.split(|&byte| byte == 0).map(printable).collect())
}

#[cfg(test)]
mod tests {
    use super::{base_name, now, rfc3339};

    #[test]
    fn times_have_nine_digits_and_end_in_z() {
        assert_eq!(rfc3339(1_700_000_000, 5), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(now().len(), 30);
    }

    #[test]
    fn base_names() {
        assert_eq!(
            (base_name("/usr/bin/env"), base_name("env"), base_name("")),
            ("env", "env", "")
        );
    }
}
