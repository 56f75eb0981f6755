//! What a record's frames lack, from files: function, source file and line, and the functions inlined there.
//!
//! The library names what it can without delaying the program; separate debug files, split ones and large ones are left to the
//! report, for the one record of each finding that is shown. This changes nothing else: fingerprints, suppressions and counts
//! depend only on what was recorded.
//!
//! | question | file |
//! |---|---|
//! | which stacks does a record have? | `stacks` |
//! | how does a frame get its names? | `frames` |

mod frames;
mod stacks;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use forkwatch_process::lines::Place;
use forkwatch_schema::record::Record;
use forkwatch_text::words::count;

use self::frames::Address;
use super::example::Example;
use super::examples::Examples;
use super::finding::Finding;
use crate::message::{Failure, say};
use crate::symbols::{Names, Sources, URLS, exists, find};

/// More addresses than this are not looked up, for a report of very many findings: the worst come first.
const MAX_ADDRESSES: usize = 100_000;

/// A file of machine code: its path, and its build id where the record has one.
type Module = (String, Option<String>);

/// Where to look up names; `None` for nowhere.
pub fn sources(matches: &ArgMatches) -> Option<Sources> {
    // A rule with names that only this machine has would suppress nothing in the library.
    if matches.get_flag("no-symbols") || matches.get_flag("gen-suppressions") {
        return None;
    }
    let debuginfod = matches.get_flag("debuginfod");
    if debuginfod && env::var_os(URLS).is_none_or(|urls| urls.is_empty()) {
        say(&Failure::usage(format!(
            "--debuginfod needs servers in {URLS}, which is empty"
        )));
    }
    let folders = matches.get_many::<OsString>("debug-dir").into_iter().flatten();
    let folders: Vec<PathBuf> = folders.map(PathBuf::from).collect();
    for folder in folders.iter().filter(|folder| !folder.is_dir()) {
        say(&Failure::usage(format!(
            "--debug-dir {} is not a directory; it is ignored",
            folder.display()
        )));
    }
    Some(Sources { folders, debuginfod })
}

/// What is known of each address that was looked up.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<Module, BTreeMap<u64, Vec<Place>>>);

/// The names of the addresses that lack them in the examples of these findings. Reports how many modules could not be used
/// because they differ from those of the records.
pub fn look_up(findings: &[Finding], examples: &Examples, sources: &Sources) -> Known {
    let mut known = asked(findings, examples);
    let changed = known.look_up(sources);
    if changed > 0 {
        say(&Failure::usage(format!(
            "{} not used for names and lines: the build id differs from that of the records, or is unknown",
            count(
                changed,
                "file of a program or library was",
                "files of programs or libraries were"
            )
        )));
    }
    known
}

/// All that is missing. One module is open at a time when it is looked up, so all of its addresses are gathered first.
fn asked(findings: &[Finding], examples: &Examples) -> Known {
    let mut known = Known::default();
    let mut addresses = 0;
    for finding in findings {
        let Some(mut record) = examples.record(finding) else {
            continue;
        };
        for stack in stacks::of(&mut record.detail) {
            for Address { module, probe } in frames::missing(stack) {
                if addresses == MAX_ADDRESSES {
                    say(&Failure::usage(format!(
                        "names and lines are looked up for {} only, from the worst findings",
                        count(MAX_ADDRESSES as u64, "address", "addresses")
                    )));
                    return known;
                }
                let is_new = known.0.entry(module).or_default().insert(probe, Vec::new()).is_none();
                addresses += usize::from(is_new);
            }
        }
    }
    known
}

impl Known {
    /// How many modules have changed since, and nobody else names them.
    fn look_up(&mut self, sources: &Sources) -> u64 {
        let mut changed = BTreeSet::new();
        for ((path, id), places) in &mut self.0 {
            let file = Path::new(path);
            // A file that cannot be told from another one is not used.
            let found = id.is_some().then(|| find(file, file, id.as_deref(), sources));
            let found = found.unwrap_or_default();
            if found.own.is_none() && found.apart.is_none() {
                if exists(file) {
                    changed.insert(path);
                }
                continue;
            }
            let addresses: Vec<u64> = places.keys().copied().collect();
            let found = Names::new(&found).at(&addresses);
            for (places, found) in places.values_mut().zip(found) {
                *places = found;
            }
        }
        changed.len() as u64
    }

    /// Adds names and lines to an example.
    pub fn complete(&self, example: &mut Example) {
        let Some(record) = &mut example.record else { return };
        if self.0.is_empty() || !self.complete_record(record) {
            return;
        }
        // The line keeps what suppressions take out of the record. Fields from a newer version must not be lost either.
        if let Ok(mut whole) = serde_json::from_str::<Record>(&example.line)
            && serde_json::to_string(&whole).is_ok_and(|line| line == example.line.trim_end())
            && self.complete_record(&mut whole)
            && let Ok(line) = serde_json::to_string(&whole)
        {
            example.line = line;
        }
    }

    /// Whether anything was added.
    fn complete_record(&self, record: &mut Record) -> bool {
        let mut has_changed = false;
        for stack in stacks::of(&mut record.detail) {
            has_changed |= frames::complete(stack, |address| self.0.get(&address.module)?.get(&address.probe));
        }
        has_changed
    }
}
