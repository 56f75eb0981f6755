//! What `forkwatch report` does for each line: extracting the scalars of a record by position or by parsing; and for each finding:
//! formatting a time.

#[path = "../src/report/read/head.rs"]
#[expect(dead_code, unused_imports, reason = "its tests come in without a harness")]
mod head;
#[path = "../src/report/read/parsed.rs"]
#[expect(unused_imports, reason = "its tests come in without a harness")]
mod parsed;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

/// A record that the library wrote for `examples/vault.c`.
const LINE: &[u8] = include_bytes!("../schema/benches/unsafe_fork.jsonl");

fn main() {
    divan::main();
}

#[divan::bench]
fn a_line_by_position(bencher: Bencher) {
    let line = LINE.trim_ascii_end();
    assert!(
        head::by_position(line).is_some(),
        "the library's own lines are read by position"
    );
    bencher
        .counter(BytesCount::of_slice(line))
        .bench(|| head::by_position(black_box(line)).map(|head| head.time));
}

#[divan::bench]
fn a_line_parsed(bencher: Bencher) {
    let line = LINE.trim_ascii_end();
    bencher
        .counter(BytesCount::of_slice(line))
        .bench(|| parsed::parse(black_box(line)).map(|parsed| parsed.head().time));
}

#[divan::bench]
fn a_time_shown() -> String {
    parsed::rfc3339(black_box(1_763_694_765_123_456_789))
}
