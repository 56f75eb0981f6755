//! How findings are shown: one file and one row per format.

mod github;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod sarif;
mod text;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::PathBuf;

use forkwatch_schema::kind::Severity;
use forkwatch_text::Style;
use rustc_hash::FxHashMap;

use super::examples::Examples;
use super::finding::{Finding, Whole};
use super::gather::names;

/// All findings are shown.
pub const ALL: usize = usize::MAX;

/// Everything to show.
#[derive(Debug, Default)]
pub struct Report {
    /// Files read.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// Invalid lines.
    pub broken: u64,
    /// The first of these.
    pub broken_lines: Vec<BrokenLine>,
    /// Repeats that cannot be assigned to a finding.
    pub lost_repeats: u64,
    /// Findings that a rule suppressed.
    pub suppressed: u64,
    /// Findings that the baseline has too.
    pub known: u64,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// An example of each.
    pub examples: Examples,
    /// How many findings the user wants to see in full.
    pub limit: Option<usize>,
    /// The selecting flags, each with its value.
    pub chosen: Vec<(&'static str, String)>,
    /// Hosts of the records.
    pub hosts: Names,
    /// Their program files.
    pub programs: Names,
    /// Whether only a part of the records was counted by host, program and hour.
    pub is_partial: bool,
    /// The position of each fingerprint among the findings, by its hash.
    pub positions: OnceCell<FxHashMap<u64, usize>>,
}

/// Names by number; empty unless the format shows them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub texts: Vec<String>,
}

/// An invalid line.
#[derive(Clone, Debug)]
pub struct BrokenLine {
    /// Its file.
    pub path: PathBuf,
    /// Its number there, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// One row of [`FORMATS`].
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether it shows where and when findings were seen.
    pub spread: bool,
    /// Findings that it shows in full unless the user says how many.
    pub limit: usize,
    /// Writes it.
    pub write: fn(&Report, &Style, &mut dyn Write) -> io::Result<()>,
}

/// Every format; the first is the default.
pub const FORMATS: &[Format] = &[
    Format {
        name: "text",
        help: "for people",
        spread: false,
        limit: 1000,
        write: text::write,
    },
    Format {
        name: "live",
        help: "one example of each finding, as the library prints it",
        spread: false,
        limit: 1000,
        write: live::write,
    },
    Format {
        name: "json",
        help: "one object, for scripts and --baseline",
        spread: false,
        limit: ALL,
        write: json::write,
    },
    Format {
        name: "html",
        help: "one page to share",
        spread: true,
        limit: html::MAX_WHOLE,
        write: html::write,
    },
    Format {
        name: "markdown",
        help: "for a comment on a merge request",
        spread: false,
        limit: ALL,
        write: markdown::write,
    },
    Format {
        name: "sarif",
        help: "SARIF 2.1.0, for code scanning",
        spread: false,
        limit: ALL,
        write: sarif::write,
    },
    Format {
        name: "junit",
        help: "JUnit XML, one test case per finding",
        spread: false,
        limit: ALL,
        write: junit::write,
    },
    Format {
        name: "github",
        help: "annotations in the log of a GitHub workflow",
        spread: false,
        limit: ALL,
        write: github::write,
    },
];

impl Report {
    /// How many findings there are of each level, the worst first.
    pub fn by_severity(&self) -> Vec<(Severity, u64)> {
        [Severity::Fatal, Severity::Error, Severity::Warn, Severity::Info]
            .into_iter()
            .map(|level| {
                let alike = self.findings.iter().filter(|finding| finding.severity == level);
                (level, alike.count() as u64)
            })
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The finding with this fingerprint.
    pub fn finding(&self, fingerprint: &str) -> Option<&Finding> {
        let hash = |fingerprint: &str| names::hash(&[fingerprint.as_bytes()]);
        let positions = self.positions.get_or_init(|| {
            let numbered = self.findings.iter().enumerate();
            numbered
                .map(|(position, finding)| (hash(&finding.fingerprint), position))
                .collect()
        });
        let found = self.findings.get(*positions.get(&hash(fingerprint))?)?;
        (found.fingerprint == fingerprint).then_some(found)
    }

    /// The findings that are shown in full, if a format shows each separately.
    pub fn whole(&self) -> &[Finding] {
        let limit = self.limit.unwrap_or(ALL).min(self.findings.len());
        &self.findings[..limit]
    }

    /// A finding with its example.
    pub fn example<'report>(&self, finding: &'report Finding) -> Whole<'report> {
        self.examples.whole(finding)
    }
}

/// One finding as the text shows it.
pub fn as_text(report: &Report, finding: &Finding, style: &Style) -> String {
    text::one_finding(report, &report.example(finding), style)
}

/// A path relative to the working directory, if it lies below it.
fn near<'path>(path: &'path str, style: &Style) -> &'path str {
    let below = || {
        path.strip_prefix(style.working_directory.as_deref()?)?
            .strip_prefix('/')
    };
    below().unwrap_or(path)
}
