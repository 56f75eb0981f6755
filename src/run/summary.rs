//! The summary at the end of `forkwatch run`, on its own standard error: the findings, worst first, and the reason for the exit
//! status. Findings whose report the program captured or moved are shown in full.

use std::ffi::OsString;

use forkwatch_schema::kind::Severity;
use forkwatch_text::words::{count, number};
use forkwatch_text::{Form, render, sentence};

use super::kept::{Kept, Notes};
use super::parent::Ending;
use crate::message;
use crate::report::run_end::{RunFinding, findings};

/// The most findings that are listed; `forkwatch report` lists all.
const MAX_LISTED: usize = 20;

/// What the summary contains besides the findings.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// How the program ended.
    pub ending: Ending,
    /// The status that replaces 0 if there are findings, and the option that sets it.
    pub error_exitcode: Option<(u8, &'static str)>,
    /// Where records go.
    pub log: Option<OsString>,
    /// Where the text goes.
    pub text: Option<OsString>,
    /// How much of a finding the text shows.
    pub form: Form,
    /// The program's name.
    pub program: &'a str,
}

/// The findings of a run that has ended.
pub fn of(kept: &Kept) -> Vec<RunFinding> {
    findings(kept.records())
        .into_iter()
        .filter(|finding| finding.recorded > Severity::Info)
        .collect()
}

/// Prints the summary; nothing if there are no findings, or if the user wants no text.
pub fn say(findings: &[RunFinding], notes: &Notes, outcome: &Outcome<'_>) {
    if findings.is_empty() || outcome.text.as_ref().is_some_and(|text| text == "off") {
        return;
    }
    let style = message::live_style(outcome.form);
    let mut text = String::new();
    let hidden = findings.iter().filter(|finding| !notes.is_shown(&finding.fingerprint));
    let hidden: Vec<_> = hidden
        .filter_map(|finding| Some((finding, finding.record.as_ref()?)))
        .collect();
    for (finding, record) in &hidden {
        text.push_str(&render(record, notes.stopped(&finding.fingerprint), &style));
        if outcome.form == Form::Full {
            text.push_str(&sentence("", &style));
        }
    }
    if hidden.is_empty() && outcome.form == Form::Full {
        // A gap after the library's last report.
        text.push_str(&sentence("", &style));
    }
    for line in lines(findings, notes, outcome) {
        text.push_str(&sentence(&line, &style));
    }
    message::say(&text.trim_end_matches('\n'));
}

fn lines(findings: &[RunFinding], notes: &Notes, outcome: &Outcome<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "Summary: {} in {}, worst first:",
        count(findings.len() as u64, "finding", "findings"),
        outcome.program
    )];
    lines.extend(findings.iter().take(MAX_LISTED).map(line));
    if let Some(more @ 1..) = findings.len().checked_sub(MAX_LISTED) {
        lines.push(format!("  ... and {} more", number(more as u64)));
    }
    lines.extend(where_to_read(outcome));
    lines.extend(why_this_status(findings, notes, outcome));
    lines
}

fn line(finding: &RunFinding) -> String {
    let RunFinding {
        severity,
        kind,
        message,
        ..
    } = finding;
    let place = finding
        .place
        .as_ref()
        .map_or_else(String::new, |place| format!(" at {place}"));
    let times = match finding.count {
        0 | 1 => String::new(),
        times => format!(" ({} times)", number(times)),
    };
    let lowered = if finding.severity < finding.recorded {
        format!(
            " (recorded as {}; every child went on to exec)",
            finding.recorded.name()
        )
    } else {
        String::new()
    };
    format!("  {} {kind}{place}: {message}{times}{lowered}", severity.name())
}

fn where_to_read(outcome: &Outcome<'_>) -> Option<String> {
    let shown = |path: &OsString| path.to_string_lossy().into_owned();
    let log = outcome.log.as_ref().map(shown);
    let text = outcome.text.as_ref().filter(|text| *text != "stderr").map(shown);
    match (text, log) {
        (Some(text), Some(log)) => Some(format!("Full text: {text}; records: {log}")),
        (Some(text), None) => Some(format!("Full text: {text}")),
        (None, Some(log)) => Some(format!("Full text above; records: {log}")),
        (None, None) => Some("Full text above; `--log FILE` keeps the records for `forkwatch report`".to_owned()),
    }
}

fn why_this_status(findings: &[RunFinding], notes: &Notes, outcome: &Outcome<'_>) -> Option<String> {
    let stopped = findings.iter().find_map(|finding| notes.stopped(&finding.fingerprint));
    match outcome.ending {
        Ending::Status(0) => {
            let (status, option) = outcome.error_exitcode?;
            Some(match (findings.iter().any(RunFinding::is_bad), status) {
                (false, _) => "Exit status 0: the program's own; no finding of ERROR or FATAL was recorded".to_owned(),
                (true, 0) => "Exit status 0: --error-exitcode 0 means that findings do not change it".to_owned(),
                (true, _) => format!(
                    "Exit status {status}: the program exited with 0, but a finding of ERROR or FATAL was recorded ({option})"
                ),
            })
        }
        Ending::Status(status) => Some(match stopped {
            Some(option) => {
                format!("Exit status {status}: the program's own; {option} stopped at least one of its processes")
            }
            None => format!("Exit status {status}: the program's own"),
        }),
        Ending::Signal(signal) => {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            Some(match stopped {
                Some(option) => format!("Ended by {name}: {option} stopped it"),
                None => format!("Ended by {name}, which forkwatch did not send"),
            })
        }
    }
}
