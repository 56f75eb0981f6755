//! Which records are exported: the flags of `forkwatch report` about single records, and the least severity.

use clap::ArgMatches;
use forkwatch_schema::kind::Severity;

use super::item::Item;
use crate::message::Failure;
use crate::report::{self, Wanted};

/// What the user asked for.
#[derive(Debug)]
pub struct Selection {
    wanted: Wanted,
    kinds: Vec<String>,
    least: Severity,
}

impl Selection {
    /// Reads the flags; `least` applies where `--severity` does not.
    pub fn new(matches: &ArgMatches, least: Severity) -> Result<Self, Failure> {
        let severity = matches.get_one::<String>("severity");
        Ok(Self {
            wanted: report::wanted(matches)?,
            kinds: report::kinds(matches)?,
            least: severity.and_then(|word| Severity::parse(word)).unwrap_or(least),
        })
    }

    /// Whether a record is exported.
    pub fn takes(&self, item: &Item) -> bool {
        let fits = |pattern: &Option<glob::Pattern>, name: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| report::matches(pattern, item.text(name)))
        };
        item.severity >= self.least
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == item.text("kind")))
            && self.wanted.since.is_none_or(|since| item.time >= since)
            && fits(&self.wanted.host, "host")
            && fits(&self.wanted.program, "exe")
    }

    /// The selecting flags as one text: what was left out under other flags has not been sent.
    pub fn key(matches: &ArgMatches) -> String {
        let flags = ["since", "host", "program", "kind", "severity"];
        let values = flags.iter().flat_map(|flag| {
            let raw = matches.get_raw(flag).into_iter().flatten();
            raw.map(move |value| format!(" --{flag} {}", value.to_string_lossy()))
        });
        values.collect()
    }
}
