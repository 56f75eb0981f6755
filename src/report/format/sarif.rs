//! SARIF 2.1.0, for code scanning: a rule for each kind, a result for each finding.

use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_schema::kind::{Kind, Severity, written};
use forkwatch_schema::record::{Frame, PythonFrame};
use forkwatch_text::harmless::harmless;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::report::finding::Whole;
use crate::report::locks::LockRow;
use crate::report::place::{self, Place};
use crate::report::shown::{Report, near};
use forkwatch_text::Style;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Frames of a stack that are written.
const MAX_FRAMES: usize = 32;

/// Writes it.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<Value> = written().map(|row| rule(row.name, row.meaning)).collect();
    let mut names: Vec<&str> = written().map(|row| row.name).collect();
    for finding in report.whole() {
        if !names.contains(&finding.kind.as_str()) {
            names.push(&finding.kind);
            let known = Kind::parse(&finding.kind).map(|kind| kind.row().meaning);
            let meaning = known.unwrap_or("A kind of finding from a newer version of forkwatch.");
            rules.push(rule(&finding.kind, meaning));
        }
    }
    let tool = json!({"driver": {
        "name": "forkwatch",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules,
    }});
    let results = Results { report, names, style };
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run { tool, results }],
    };
    serde_json::to_writer_pretty(Harmless(&mut *out), &log)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'report> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'report>; 1],
}

#[derive(Serialize)]
struct Run<'report> {
    tool: Value,
    results: Results<'report>,
}

/// Each is read when it is written.
struct Results<'report> {
    report: &'report Report,
    names: Vec<&'report str>,
    style: &'report Style,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { report, names, style } = self;
        serializer.collect_seq(
            report
                .whole()
                .iter()
                .map(|finding| result(&report.example(finding), names, style)),
        )
    }
}

fn rule(name: &str, meaning: &str) -> Value {
    json!({"id": harmless(name), "shortDescription": {"text": meaning}})
}

fn result(finding: &Whole<'_>, rules: &[&str], style: &Style) -> Value {
    let mut text = harmless(finding.message()).into_owned();
    for advice in &finding.advice {
        text.push('\n');
        text.push_str(&harmless(advice));
    }
    let mut result = json!({
        "ruleId": harmless(&finding.kind),
        "ruleIndex": rules.iter().position(|rule| *rule == finding.kind),
        "level": level(finding.severity),
        "message": {"text": text},
        "occurrenceCount": finding.count,
        "partialFingerprints": {"forkwatch/v1": finding.fingerprint},
        "properties": {
            "severity": finding.severity.name(),
            "hosts": finding.hosts,
            "programs": finding.programs,
            "first": finding.first,
            "last": finding.last,
            "outcome": finding.outcome.name(),
            "followedBy": finding.followed_by,
            "locks": locks(finding),
            "calls": finding.calls,
        },
    });
    let parts = [
        (
            "locations",
            place::of_finding(finding).map(|place| vec![location(&place, style)]),
        ),
        ("relatedLocations", owners(finding, style)),
        ("stacks", stacks(finding, style)),
    ];
    for (key, value) in parts {
        if let Some(value) = value {
            result[key] = Value::Array(value);
        }
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Fatal | Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

/// The table of its locks.
fn locks(finding: &Whole<'_>) -> Vec<Value> {
    let text = |text: &Option<String>| text.as_deref().map(|text| harmless(text).into_owned());
    let row = |row: &LockRow| {
        let taken = row.taken().map(|place| harmless(&place.in_words()).into_owned());
        json!({
            "id": text(&row.lock.id),
            "kind": row.lock.kind.name(),
            "name": text(&row.lock.name),
            "owner": text(&row.lock.owner),
            "taken": taken,
            "held": row.held,
            "predicted": row.predicted,
            "hung": row.hung,
        })
    };
    finding.locks.iter().map(row).collect()
}

/// Where each lock was taken by the thread that held it.
fn owners(finding: &Whole<'_>, style: &Style) -> Option<Vec<Value>> {
    let places = finding.locks.iter().filter_map(|row| {
        let mut location = location(&row.taken()?, style);
        let (kind, owner) = (
            row.lock.kind.name(),
            row.lock.owner.as_deref().unwrap_or("another thread"),
        );
        location["message"] = json!({"text": format!("{kind} taken here by {}", harmless(owner))});
        Some(location)
    });
    let places: Vec<Value> = places
        .enumerate()
        .map(|(number, mut location)| {
            location["id"] = json!(number);
            location
        })
        .collect();
    (!places.is_empty()).then_some(places)
}

fn stacks(finding: &Whole<'_>, style: &Style) -> Option<Vec<Value>> {
    let (native, python) = place::stack(finding.example.detail()?)?;
    let frames = |places: Vec<Place<'_>>| -> Vec<Value> {
        let frame = |place: &Place<'_>| json!({"location": location(place, style)});
        places.iter().take(MAX_FRAMES).map(frame).collect()
    };
    let python: Vec<Place<'_>> = python
        .unwrap_or_default()
        .iter()
        .map(|frame: &PythonFrame| frame.into())
        .collect();
    let native: Vec<Place<'_>> = native.iter().map(|frame: &Frame| frame.into()).collect();
    let stacks: Vec<Value> = [("Python stack", python), ("native stack", native)]
        .into_iter()
        .filter(|(_, places)| !places.is_empty())
        .map(|(name, places)| json!({"message": {"text": name}, "frames": frames(places)}))
        .collect();
    (!stacks.is_empty()).then_some(stacks)
}

/// File and line where they are known, and the function.
fn location(place: &Place<'_>, style: &Style) -> Value {
    let mut location = Map::new();
    if let Some(file) = place.file {
        let mut physical = json!({"artifactLocation": {"uri": uri(near(file, style))}});
        // Lines are counted from 1, and a record may say 0 where the compiler did.
        if let Some(line @ 1..) = place.line {
            physical["region"] = json!({"startLine": line});
        }
        location.insert("physicalLocation".into(), physical);
    }
    if place.function.is_some() || place.file.is_none() {
        let words = place.in_words();
        let name = harmless(&words);
        let function = harmless(place.function.unwrap_or(&name));
        location.insert(
            "logicalLocations".into(),
            json!([{"name": function, "fullyQualifiedName": name, "kind": "function"}]),
        );
    }
    Value::Object(location)
}

/// A path as a reference: relative ones stay so, absolute ones are files.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~' | b'+') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("src/a b.c"), "src/a%20b.c");
        assert_eq!(uri("/src/größe.c"), "file:///src/gr%C3%B6%C3%9Fe.c");
        assert_eq!(uri("<string>\n"), "%3Cstring%3E%0A");
    }
}
