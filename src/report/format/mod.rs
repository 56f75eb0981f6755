//! How findings are shown: one file and one row per format.

mod github;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod sarif;
mod text;

use std::io::{self, Write};

use forkwatch_text::Style;

use super::finding::Finding;
use super::shown::{ALL, Report};

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

/// One finding as the text shows it.
pub fn as_text(report: &Report, finding: &Finding, style: &Style) -> String {
    text::one_finding(report, &report.example(finding), style)
}
