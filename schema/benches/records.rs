//! What is done for each finding: its record matched against suppression rules, written as JSON, and read again whole.

use std::fmt::Write;

use divan::{Bencher, black_box};
use forkwatch_schema::record::Record;
use forkwatch_schema::suppressions::Suppressions;

/// What `examples/vault.c` made the library write.
const LINE: &str = include_str!("unsafe_fork.jsonl");

fn main() {
    divan::main();
}

fn record() -> Record {
    serde_json::from_str(LINE).expect("the line is a record")
}

/// This many rules of every kind, none of which matches: each is tried on all names of the record.
fn rules(number: usize) -> Suppressions {
    let mut text = String::new();
    for rule in 0..number {
        let scope = ["unsafe_fork", "*", "thread", "lock"][rule % 4];
        writeln!(text, "{scope}:*legacy_{rule}_spawn*").expect("a string takes it");
    }
    let (rules, problems) =
        Suppressions::load([(String::from("rules"), Ok::<_, String>(text.into_bytes()))].into_iter());
    assert!(problems.is_empty(), "{problems:?}");
    rules
}

#[divan::bench(args = [1, 10, 100])]
fn suppressions_that_fit_nothing(bencher: Bencher, number: usize) {
    let (rules, record) = (rules(number), record());
    bencher.bench(|| black_box(&rules).suppresses(black_box(&record)));
}

#[divan::bench]
fn a_record_written_as_json(bencher: Bencher) {
    let record = record();
    bencher.bench(|| serde_json::to_vec(black_box(&record)));
}

#[divan::bench]
fn a_record_read_whole() -> Record {
    serde_json::from_str(black_box(LINE)).expect("the line is a record")
}
