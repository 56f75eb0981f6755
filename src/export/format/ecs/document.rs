//! A record in the words of the Elastic Common Schema.

use serde_json::{Map, Value, json};

use crate::export::item::Item;

/// The version of the schema that the fields are from.
const ECS_VERSION: &str = "8.17.0";

/// Fields of a record that the schema has names for.
const NAMED: &[&str] = &[
    "time", "severity", "message", "host", "pid", "ppid", "tid", "thread", "exe", "argv", "service",
];

/// A record as a document.
pub fn document(item: &Item) -> Map<String, Value> {
    let severity = item.severity;
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            document.insert(name.to_owned(), value);
        }
    };
    let field = |name: &str| item.fields.get(name).cloned().unwrap_or(Value::Null);
    put("@timestamp", field("time"));
    put("ecs", json!({"version": ECS_VERSION}));
    put("message", field("message"));
    put(
        "log",
        json!({"level": severity.name().to_lowercase(), "logger": "forkwatch"}),
    );
    put(
        "event",
        json!({
            "kind": if item.is_finding() { "alert" } else { "event" },
            "category": ["process"],
            "type": ["info"],
            "module": "forkwatch",
            "dataset": "forkwatch",
            "provider": "forkwatch",
            "action": field("kind"),
            "id": item.id.to_string(),
            "severity": severity as u8,
        }),
    );
    put("host", some([("name", field("host")), ("hostname", field("host"))]));
    put("service", some([("name", field("service"))]));
    put("process", process(item));
    if item.is_finding() {
        put(
            "error",
            some([
                ("id", field("fingerprint")),
                ("type", field("kind")),
                ("message", field("message")),
                (
                    "stack_trace",
                    Some(item.stack_trace()).filter(|text| !text.is_empty()).into(),
                ),
            ]),
        );
    }
    let own = item
        .fields
        .iter()
        .filter(|(name, value)| !NAMED.contains(&name.as_str()) && !value.is_null());
    put(
        "forkwatch",
        own.map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
            .into(),
    );
    document
}

fn process(item: &Item) -> Value {
    let field = |name: &str| item.fields.get(name).cloned().unwrap_or(Value::Null);
    let words = item.fields.get("argv").and_then(Value::as_array);
    let line = words.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    some([
        ("pid", field("pid")),
        ("parent", some([("pid", field("ppid"))])),
        ("thread", some([("id", field("tid")), ("name", field("thread"))])),
        ("name", Some(item.program()).filter(|name| !name.is_empty()).into()),
        ("executable", field("exe")),
        ("args", field("argv")),
        ("args_count", words.map(Vec::len).into()),
        ("command_line", line.into()),
    ])
}

/// An object of what is known; null if that is nothing.
fn some<const LENGTH: usize>(fields: [(&str, Value); LENGTH]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    let object: Map<String, Value> = known.map(|(name, value)| (name.to_owned(), value)).collect();
    if object.is_empty() { Value::Null } else { object.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::document;
    use crate::export::item::tests::{fork, outcome};

    #[test]
    fn fields_have_the_names_of_the_schema() {
        let item = fork(42);
        let document = Value::from(document(&item));
        for (path, value) in [
            ("/@timestamp", json!("2026-11-21T03:12:45.123456789Z")),
            ("/log/level", json!("error")),
            ("/event/action", json!("unsafe_fork")),
            ("/event/kind", json!("alert")),
            ("/event/id", json!(item.id.to_string())),
            ("/host/name", json!("node-7")),
            ("/service/name", json!("checkout")),
            ("/process/pid", json!(42)),
            ("/process/parent/pid", json!(1)),
            ("/process/thread/name", json!("main")),
            ("/process/name", json!("shop")),
            ("/process/executable", json!("/srv/shop/bin/shop")),
            ("/process/command_line", json!("shop --all")),
            ("/error/id", json!("0123456789abcdef")),
            ("/error/type", json!("unsafe_fork")),
            ("/forkwatch/fork_id", json!("42-1-2")),
        ] {
            assert_eq!(document.pointer(path), Some(&value), "{path}");
        }
        let stack = document["error"]["stack_trace"].as_str().unwrap();
        assert!(stack.starts_with("start (/srv/app.py:3)\nspawn "), "{stack}");
        assert!(document.pointer("/forkwatch/context").is_none() && document.pointer("/forkwatch/pid").is_none());
        let outcome = Value::from(super::document(&outcome()));
        assert!(outcome.get("error").is_none() && outcome["event"]["kind"] == "event");
        assert!(outcome.pointer("/process/args").is_none());
    }
}
