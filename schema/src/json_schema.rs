//! The JSON Schema of a record, and the tables of its fields for people. Both are made from `record.rs` and `kind.rs`, and only in
//! tests, which compare them with the files below `docs/`.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::kind::{KINDS, Kind, Severity};
use crate::record::{
    Call, ForkOutcome, LeakedLock, OrphanedLock, PossibleDeadlock, Record, SharedDescriptor, SlowHandler, StuckChild,
    Summary, UnsafeFork,
};
use crate::reference;

const FILE: &str = "record.schema.json";

/// The schema of the fields that only this kind has.
fn fields_of(kind: Kind, generator: &mut SchemaGenerator) -> schemars::Schema {
    match kind {
        Kind::UnsafeFork => generator.subschema_for::<UnsafeFork>(),
        Kind::OrphanedLock => generator.subschema_for::<OrphanedLock>(),
        Kind::PossibleDeadlock => generator.subschema_for::<PossibleDeadlock>(),
        Kind::StuckChild => generator.subschema_for::<StuckChild>(),
        Kind::SharedWakeup | Kind::SharedFd => generator.subschema_for::<SharedDescriptor>(),
        Kind::ThreadAfterFork | Kind::UnsafeCall | Kind::GuardedCall => generator.subschema_for::<Call>(),
        Kind::LeakedLock => generator.subschema_for::<LeakedLock>(),
        Kind::SlowHandler => generator.subschema_for::<SlowHandler>(),
        Kind::ForkOutcome => generator.subschema_for::<ForkOutcome>(),
        Kind::Summary => generator.subschema_for::<Summary>(),
    }
}

/// The schema of a line. It allows fields that it does not know, since a later version may add some.
fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let of_kinds: Vec<Value> = KINDS
        .iter()
        .map(|row| {
            let fields = fields_of(row.kind, &mut generator);
            json!({"if": {"properties": {"kind": {"const": row.name}}}, "then": fields})
        })
        .collect();
    let mut root = generator.into_root_schema_for::<Record>().to_value();
    root["title"] = json!("A record of forkwatch");
    root["description"] =
        json!("One line of a log, which FORKWATCH_LOG names. docs/RECORDS.md is this schema in words.");
    root["allOf"] = Value::Array(of_kinds);
    root
}

/// The place of a field in the source: a schema sorts them by name.
fn place(structure: &str, field: &str) -> usize {
    let source = include_str!("record.rs");
    let start = source.find(&format!("pub struct {structure} {{")).unwrap();
    start + source[start..].find(&format!("pub {field}: ")).unwrap()
}

fn name_of(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// What a field holds, in a few words.
fn in_words(field: &Value) -> String {
    if let Some(name) = name_of(field) {
        return match name {
            "Severity" => "[word](#severities)".to_owned(),
            "Kind" => "[word](#kinds)".to_owned(),
            _ => format!("[{name}](#{})", name.to_ascii_lowercase()),
        };
    }
    if let Some(choices) = field["anyOf"].as_array() {
        return choices.iter().map(in_words).collect::<Vec<_>>().join(" or ");
    }
    let word = |word: &str| match word {
        "array" => format!("list of {}", in_words(&field["items"])),
        "object" => "object: a number for each name".to_owned(),
        other => other.to_owned(),
    };
    match &field["type"] {
        Value::String(one) => word(one),
        Value::Array(many) => {
            let words: Vec<_> = many.iter().filter_map(Value::as_str).map(word).collect();
            words.join(" or ")
        }
        other => panic!("{field}: {other}"),
    }
}

/// A description without the links of Rust's documentation.
fn plain(description: &Value) -> String {
    let text = description.as_str().unwrap().replace('\n', " ");
    text.replace("[`crate::SCHEMA`]", "`forkwatch/1`")
        .replace("[`MAX_RECORD_BYTES`]", "64 KiB")
}

/// The words that a field may be, each with its meaning.
fn words(definition: &Value) -> String {
    let choices = definition["oneOf"].as_array().unwrap().iter();
    let rows = choices.map(|choice| {
        let meaning = plain(&choice["description"]);
        format!("| `{}` | {meaning} |\n", choice["const"].as_str().unwrap())
    });
    "| word | meaning |\n|---|---|\n".to_owned() + &rows.collect::<String>()
}

/// The table of a structure's fields, in the order of the record.
fn fields(structure: &str, definition: &Value) -> String {
    let no_fields = Map::new();
    let properties = definition["properties"].as_object().unwrap_or(&no_fields);
    let required = definition["required"].as_array();
    let mut names: Vec<_> = properties.keys().collect();
    names.sort_by_key(|name| place(structure, name));
    let mut table = String::from("| field | holds | meaning |\n|---|---|---|\n");
    for name in names {
        let field = &properties[name];
        let is_there = required.is_some_and(|all| all.contains(&json!(name)));
        let absent = if is_there { "" } else { ", or absent" };
        table += &format!(
            "| `{name}` | {}{absent} | {} |\n",
            in_words(field),
            plain(&field["description"])
        );
    }
    table
}

/// The kinds with their meaning, and where their page is.
fn kinds() -> String {
    let rows = KINDS.iter().map(|row| {
        let name = match row.kind {
            Kind::ForkOutcome | Kind::Summary => format!("[`{}`](#{0})", row.name),
            _ => format!("[`{}`](kinds/{0}.md)", row.name),
        };
        format!("| {name} | {} |\n", row.meaning)
    });
    "| kind | what happened |\n|---|---|\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn the_schema_is_that_of_the_record() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    reference::held(FILE, &text);
}

#[test]
fn the_page_of_records_has_the_tables() {
    let schema = schema();
    let definitions = &schema["$defs"];
    let mut shown = vec!["Severity", "Kind"];
    reference::held_part("RECORDS.md", "fields of every record", &fields("Record", &schema));
    reference::held_part("RECORDS.md", "severities", &words(&definitions["Severity"]));
    reference::held_part("RECORDS.md", "kinds", &kinds());
    let mut of_kinds = String::new();
    for (row, choice) in KINDS.iter().zip(schema["allOf"].as_array().unwrap()) {
        let name = name_of(&choice["then"]).unwrap();
        shown.push(name);
        of_kinds += &format!("### {}\n\n{}\n", row.name, fields(name, &definitions[name]));
    }
    reference::held_part("RECORDS.md", "fields of each kind", of_kinds.trim_end());
    let mut parts = String::new();
    for (name, definition) in definitions.as_object().unwrap() {
        if !shown.contains(&name.as_str()) {
            let meaning = plain(&definition["description"]);
            let is_object = definition["type"] == "object";
            let table = if is_object {
                fields(name, definition)
            } else {
                words(definition)
            };
            parts += &format!("### {name}\n\n{meaning}\n\n{table}\n");
        }
    }
    reference::held_part("RECORDS.md", "parts", parts.trim_end());
}

#[test]
fn every_severity_is_in_the_schema() {
    let schema = schema();
    let named = words(&schema["$defs"]["Severity"]);
    for severity in [Severity::Info, Severity::Warn, Severity::Error, Severity::Fatal] {
        assert!(named.contains(&format!("`{}`", severity.name())), "{named}");
    }
}
