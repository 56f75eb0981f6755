//! Which records and findings are shown: by time, host, program and kind, by suppression files and by a baseline.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::{fs, io};

use clap::ArgMatches;
use forkwatch_schema::kind::{Kind, Severity, written};
use forkwatch_schema::nearest::nearest;
use forkwatch_schema::suppressions::Suppressions;
use glob::Pattern;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde::Deserialize;

use super::examples::Examples;
use super::finding::Finding;
use super::gather::Wanted;
use super::harmless::{LeftOver, take_out};
use super::read::head::Time;
use super::read::inputs::unreadable;
use crate::message::{Failure, say};
use crate::settings::other_than_a_file;

/// What the user asked for about whole findings.
#[derive(Debug)]
pub struct Filters {
    kinds: Vec<String>,
    suppressions: Suppressions,
    baseline: HashSet<String>,
}

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// By a suppression.
    pub suppressed: u64,
    /// By the baseline.
    pub known: u64,
    /// By their kind.
    pub other_kinds: u64,
}

/// The flags about single records.
pub fn wanted(matches: &ArgMatches) -> Result<Wanted, Failure> {
    let text = |name: &str| matches.get_one::<String>(name);
    Ok(Wanted {
        since: text("since").map(|text| since(text, Timestamp::now())).transpose()?,
        host: text("host").map(|text| pattern("host", text)).transpose()?,
        program: text("program").map(|text| pattern("program", text)).transpose()?,
        ..Wanted::default()
    })
}

/// The kinds that were selected; empty for all.
pub fn kinds(matches: &ArgMatches) -> Result<Vec<String>, Failure> {
    let kinds: Vec<String> = matches
        .get_many("kind")
        .map_or_else(Vec::new, |kinds| kinds.cloned().collect());
    // A newer version may know it; but a typing error is more likely, and would make a test pass.
    if let Some(kind) = kinds.iter().find(|kind| Kind::parse(kind).is_none()) {
        let nearest = nearest(kind, written().map(|row| row.name)).unwrap_or_default();
        return Err(Failure::usage(format!(
            "--kind {kind}: unknown kind; the nearest is '{nearest}'"
        )));
    }
    Ok(kinds)
}

/// Whether a pattern matches a whole name or the part after its last slash.
pub fn matches(pattern: &Pattern, name: &str) -> bool {
    pattern.matches(name) || name.rsplit('/').next().is_some_and(|base| pattern.matches(base))
}

/// The selecting flags with their values, for readers of the report who did not choose them.
pub fn chosen(matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let values = |flag: &&'static str| -> Vec<(&'static str, String)> {
        let raw = matches.get_raw(flag).into_iter().flatten();
        raw.map(|value| (*flag, value.to_string_lossy().into_owned())).collect()
    };
    ["since", "host", "program", "kind", "suppress", "baseline"]
        .iter()
        .flat_map(values)
        .collect()
}

fn pattern(flag: &str, text: &str) -> Result<Pattern, Failure> {
    Pattern::new(text).map_err(|error| Failure::usage(format!("--{flag} {text}: invalid pattern: {}", error.msg)))
}

/// A time, or how long ago it was.
fn since(text: &str, now: Timestamp) -> Result<Time, Failure> {
    let ago = || -> Option<Timestamp> {
        let span: Span = text.parse().ok()?;
        let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        now.checked_sub(span.abs()).ok()
    };
    // Records only use UTC; a date alone means midnight.
    let civil = || -> Option<Timestamp> {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let exact = text.parse::<Timestamp>().ok();
    let time = exact.or_else(civil).or_else(ago).ok_or_else(|| {
        Failure::usage(format!(
            "--since {text}: invalid time; give a time such as 2026-11-21 or 2026-11-21T03:00:00Z, or an age such as \
             90m, 2h or 3d"
        ))
    })?;
    Ok(Time::try_from(time.as_nanosecond()).unwrap_or(0))
}

impl Filters {
    /// The flags about findings. An invalid line of a suppression file is reported; its other rules apply.
    pub fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let kinds = kinds(matches)?;
        let files = matches.get_many::<OsString>("suppress").into_iter().flatten();
        Ok(Self {
            kinds,
            suppressions: suppressions(files)?,
            baseline: matches
                .get_one::<OsString>("baseline")
                .map_or_else(|| Ok(HashSet::new()), |path| baseline(path))?,
        })
    }

    /// Whether this kind was selected.
    pub fn names(&self, kind: &str) -> bool {
        self.kinds.iter().any(|named| named == kind)
    }

    /// Removes and counts what is not to be shown. Rules apply to the record, so each example is read if there are rules.
    pub fn apply(&self, findings: &mut Vec<Finding>, examples: &Examples) -> LeftOut {
        let mut left_out = LeftOut::default();
        findings.retain_mut(|finding| {
            if !self.kinds.is_empty() && !self.names(&finding.kind) {
                left_out.other_kinds += 1;
                return false;
            }
            if self.is_suppressed(finding, examples) {
                left_out.suppressed += 1;
                return false;
            }
            if self.baseline.contains(&finding.fingerprint) {
                left_out.known += 1;
                return false;
            }
            true
        });
        left_out
    }

    fn is_suppressed(&self, finding: &mut Finding, examples: &Examples) -> bool {
        let rules = &self.suppressions;
        if rules.is_empty() {
            return false;
        }
        let Some(mut record) = examples.record(finding) else {
            return false;
        };
        if rules.suppresses(&record) {
            return true;
        }
        match take_out(rules, &mut record) {
            LeftOver::Nothing => true,
            // What a child proved stays proven.
            LeftOver::NoLock if finding.severity == Severity::Error => {
                finding.severity = Severity::Warn;
                false
            }
            LeftOver::NoLock | LeftOver::Some => false,
        }
    }

    /// The rules, for showing what they leave of an example.
    pub fn rules(self) -> Suppressions {
        self.suppressions
    }
}

fn suppressions<'path>(lists: impl Iterator<Item = &'path OsString>) -> Result<Suppressions, Failure> {
    let mut files = Vec::new();
    for path in lists.flat_map(|list| list.as_bytes().split(|&byte| byte == b':')) {
        let path = OsStr::from_bytes(path);
        if !path.is_empty() {
            let content = read(path)?;
            files.push((path.to_string_lossy().into_owned(), Ok::<_, String>(content)));
        }
    }
    let (rules, problems) = Suppressions::load(files.into_iter());
    for problem in problems {
        say(&Failure::usage(problem));
    }
    Ok(rules)
}

/// The fingerprints of an earlier report.
fn baseline(path: &OsStr) -> Result<HashSet<String>, Failure> {
    #[derive(Deserialize)]
    struct Known {
        findings: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        fingerprint: String,
    }
    let known: Known = serde_json::from_slice(&read(path)?).map_err(|error| {
        Failure::usage(format!(
            "{} is not the output of `forkwatch report --format json`: {error}",
            path.display()
        ))
    })?;
    Ok(known.findings.into_iter().map(|one| one.fingerprint).collect())
}

fn read(path: &OsStr) -> Result<Vec<u8>, Failure> {
    let refused = |error: &io::Error| Failure::usage(unreadable(path.as_ref(), error));
    let metadata = fs::metadata(path).map_err(|error| refused(&error))?;
    // A shell makes a FIFO of `<(...)`; other than that, only files have an end.
    match other_than_a_file(metadata.file_type()) {
        Some(what) if what != "a FIFO" => Err(refused(&io::Error::other(format!("it is {what}")))),
        _ => fs::read(path).map_err(|error| refused(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn times_and_how_long_ago() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |text: &str| super::super::read::parsed::rfc3339(since(text, now).unwrap());
        assert_eq!(at("2026-11-21T04:00:00+01:00"), "2026-11-21T03:00:00.000000000Z");
        assert_eq!(at("2026-11-21 04:00"), "2026-11-21T04:00:00.000000000Z");
        assert_eq!(at("2026-11-20"), "2026-11-20T00:00:00.000000000Z");
        assert_eq!(at("90m"), "2026-11-21T10:30:00.000000000Z");
        assert_eq!(at("3d"), "2026-11-18T12:00:00.000000000Z");
        let failure = since("soon", now).unwrap_err();
        assert!(failure.code == 2 && failure.sentence.contains("--since soon: invalid time"));
    }
}
