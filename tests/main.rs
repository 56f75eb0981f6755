//! The tests of the whole: real programs, run as their own processes bare, watched and suppressed, and judged by their
//! records, standard output and exit status. What a program must give stands in its head comment (`support::head`).

mod support;

/// Calls that a child must not make: the audit, and guards of libraries.
mod audit;
/// The benchmark: what it measures, and what it says that it cannot.
mod bench;
/// Beside other preloaded libraries, auditors and debuggers.
mod beside_others;
/// What a child must report, and what it must not.
mod child;
/// The command `forkwatch`.
mod command;
/// The library that the command carries inside.
mod command_library;
/// What the command does not run.
mod command_refusals;
/// `FORKWATCH_LOG`, and places that cannot take records.
mod destinations;
/// A signal at every instruction of the library's. Not on aarch64, where each step of a debugger ends an exclusive access, so that
/// the loop around one would never end.
#[cfg(target_arch = "x86_64")]
mod every_instruction;
/// Every way to start a program, which is none of our business.
mod exec_bound;
/// Records sent on, in other formats.
mod export;
/// One bug, one finding.
mod findings;
/// What must be reported: locks held, threads alive, locks leaked.
mod hazards;
/// What a followed lock costs.
mod hot_path;
/// Every hooked function while another thread holds the loader's lock.
mod loader_held;
/// The other options, and the form of records and text.
mod options;
/// What is seen of a process from outside.
mod other_libc;
mod outside;
/// Programs with raised privileges.
mod privileges;
/// Python programs, under every CPython that is installed.
mod python;
/// Records grouped and shown.
mod report;
/// What programs in odd states must not notice.
mod robustness;
/// What `forkwatch run` says at its end.
mod run_summary;
/// Other tools in the same process.
mod same_process;
/// Forks that are held back until they are safe.
mod settle;
/// What must not be reported.
mod silent;
/// `FORKWATCH_STRICT` and `FORKWATCH_ACTION`.
mod strict;
/// The same in a child.
mod strict_child;
/// `FORKWATCH_SUPPRESS`.
mod suppressions;
/// The text for people.
mod text;
/// The comparison of other people's programs, native beside watched.
mod try_programs;
/// Every call that forks.
mod ways_to_fork;

use std::collections::BTreeSet;
use std::path::Path;

/// A program without a test proves nothing, and nobody would notice.
#[test]
fn every_program_has_a_test() {
    let mut tested = BTreeSet::new();
    for names in [
        hazards::NAMES,
        child::NAMES,
        audit::NAMES,
        silent::NAMES,
        ways_to_fork::NAMES,
        exec_bound::NAMES,
        robustness::NAMES,
        #[cfg(target_arch = "x86_64")]
        every_instruction::NAMES,
        #[cfg(target_arch = "aarch64")]
        &["robust_every_instruction"],
        beside_others::NAMES,
        outside::NAMES,
        python::NAMES,
        settle::NAMES,
    ] {
        for name in names {
            assert!(tested.insert(String::from(*name)), "{name} is tested twice");
        }
    }
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let mut present = BTreeSet::new();
    for folder in ["c", "cpp", "python", "rust/src/bin"] {
        for entry in std::fs::read_dir(programs.join(folder)).expect("the programs can be listed") {
            let path = entry.expect("the programs can be listed").path();
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default()
                .to_owned();
            let is_source = path
                .extension()
                .is_some_and(|extension| ["c", "cpp", "py", "rs"].iter().any(|it| extension == *it));
            if is_source && !name.starts_with("lib") && name != "program" {
                present.insert(name);
            }
        }
    }
    assert_eq!(present, tested, "programs (left) and tests (right)");
}

/// For another machine, which has no compiler: `scripts/test-aarch64`.
#[test]
#[ignore = "builds without running anything"]
fn every_program_can_be_built() {
    for reason in support::program::build_all() {
        println!("skipped: {reason}");
    }
}
