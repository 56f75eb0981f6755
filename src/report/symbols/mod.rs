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
//! | what was found out? | `known` |

mod frames;
pub mod known;
mod stacks;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use forkwatch_text::words::count;

use self::frames::Address;
use self::known::Known;
use super::examples::Examples;
use super::finding::Finding;
use crate::message::{Failure, say};
use crate::symbols::{Sources, URLS};

/// More addresses than this are not looked up, for a report of very many findings: the worst come first.
const MAX_ADDRESSES: usize = 100_000;

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
        let mut record = examples.record(finding);
        let mut locks = examples.locks(finding);
        let of_record = record.iter_mut().flat_map(|record| stacks::of(&mut record.detail));
        let of_locks = locks.iter_mut().flat_map(|row| stacks::of_lock(&mut row.lock));
        for stack in of_record.chain(of_locks) {
            for Address { module, probe } in frames::missing(stack) {
                if addresses == MAX_ADDRESSES {
                    say(&Failure::usage(format!(
                        "names and lines are looked up for {} only, from the worst findings",
                        count(MAX_ADDRESSES as u64, "address", "addresses")
                    )));
                    return known;
                }
                addresses += usize::from(known.ask(module, probe));
            }
        }
    }
    known
}
