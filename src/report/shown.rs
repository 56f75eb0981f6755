//! What a report shows: findings, and what is known of all of them together.

use std::cell::OnceCell;
use std::path::PathBuf;

use forkwatch_schema::kind::Severity;
use forkwatch_text::Style;
use forkwatch_text::words::count;
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
    /// Those that `--since`, `--host` or `--program` left out.
    pub unwanted: u64,
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
    /// Findings that `--kind` left out.
    pub other_kinds: u64,
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

    /// The repeats that are in no finding's count.
    pub fn lost_repeats_in_words(&self) -> String {
        let times = count(self.lost_repeats, "more time", "more times");
        format!(
            "{times}, one of these findings came again; which one is not known, as a process counts the repeats of all its findings \
             together."
        )
    }

    /// Which records were left out, and by which flags; `None` where all count.
    pub fn left_out_records(&self) -> Option<String> {
        let flags = self
            .chosen
            .iter()
            .filter(|(flag, _)| ["since", "host", "program"].contains(flag));
        let flags: Vec<String> = flags.map(|(flag, value)| format!("--{flag} {value}")).collect();
        let how_many = match self.unwanted {
            0 => return None,
            all if all == self.records => "none of them is selected by".to_owned(),
            some => format!("{} left out by", count(some, "is", "are")),
        };
        Some(format!("{how_many} {}", flags.join(", ")))
    }

    /// Which findings were left out, a clause for each reason.
    pub fn left_out_findings(&self) -> Vec<String> {
        let reasons = [
            (self.other_kinds, "left out by --kind"),
            (self.suppressed, "suppressed"),
            (self.known, "known from the baseline"),
        ];
        let reasons = reasons.into_iter().filter(|(others, _)| *others > 0);
        reasons
            .map(|(others, what)| format!("{} {what}", count(others, "other is", "others are")))
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

/// A path relative to the working directory, if it lies below it.
pub fn near<'path>(path: &'path str, style: &Style) -> &'path str {
    let below = || {
        path.strip_prefix(style.working_directory.as_deref()?)?
            .strip_prefix('/')
    };
    below().unwrap_or(path)
}
