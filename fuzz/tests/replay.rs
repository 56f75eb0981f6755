//! Runs every target with its stored inputs and with as many mutations as `FORKWATCH_FUZZ_INPUTS` says, with limits on time and
//! memory.

use std::alloc::System;
use std::fs;
use std::path::Path;

use cap::Cap;
use fastrand::Rng;
use forkwatch_fuzz::mutate::mutated;
use forkwatch_fuzz::{TARGETS, Target};
use rustix::time::{ClockId, clock_gettime};

/// The memory in use by all targets together.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The default number of mutations per target: a second or two.
const INPUTS: u64 = 2_000;
/// The most seconds of this thread's own time for one input, however busy the machine is; without optimisation, everything is slower.
const MAX_SECONDS: i64 = if cfg!(debug_assertions) { 20 } else { 4 };
/// The most memory that all targets may use at once.
const MAX_BYTES: usize = 512 << 20;

#[test]
fn options() {
    replay("options");
}

#[test]
fn proc() {
    replay("proc");
}

#[test]
fn records() {
    replay("records");
}

#[test]
fn report() {
    replay("report");
}

#[test]
fn suppressions() {
    replay("suppressions");
}

#[test]
fn cpython() {
    replay("cpython");
}

#[test]
fn demangle() {
    replay("demangle");
}

#[test]
fn elf() {
    replay("elf");
}

#[test]
fn unwind() {
    replay("unwind");
}

/// A target without a test would never run.
#[test]
fn every_target_has_a_test_a_program_and_kept_inputs() {
    let own = include_str!("replay.rs");
    let manifest = include_str!("../Cargo.toml");
    for target in TARGETS {
        let name = target.name;
        assert!(own.contains(&format!("replay(\"{name}\")")), "{name}: no test");
        assert!(
            manifest.contains(&format!("fuzz_targets/{name}.rs")),
            "{name}: no program"
        );
        assert!(!kept(name).is_empty(), "{name}: no kept inputs");
    }
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let kept = kept(name);
    // Input that is not understood tests nothing.
    let understood = kept.iter().filter(|input| one(target, input) > 0).count();
    assert!(
        2 * understood > kept.len(),
        "{name}: {understood} of {} inputs",
        kept.len()
    );
    let count = std::env::var("FORKWATCH_FUZZ_INPUTS").map_or(INPUTS, |count| count.parse().expect("a number"));
    for seed in 0..count {
        one(target, &mutated(&kept, &mut Rng::with_seed(seed)));
    }
}

/// Reports the input for which the target fails, as a file that can be stored.
fn one(target: &Target, input: &[u8]) -> usize {
    let before = seconds();
    let run = std::panic::catch_unwind(|| (target.run)(input));
    let (took, most) = (seconds() - before, ALLOCATOR.max_allocated());
    if run.is_err() || took > MAX_SECONDS || most > MAX_BYTES {
        let file = std::env::temp_dir().join(format!("forkwatch-fuzz-{}", target.name));
        fs::write(&file, input).expect("the input can be kept");
        let (name, file) = (target.name, file.display());
        panic!(
            "{name}: failed={}, {took} s, {most} bytes; the input is kept in {file}",
            run.is_err()
        );
    }
    run.unwrap_or(0)
}

/// The processor time of this thread.
fn seconds() -> i64 {
    clock_gettime(ClockId::ThreadCPUTime).tv_sec
}

/// The inputs in `corpus/`, in the order of their names.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a kept input")).collect()
}
