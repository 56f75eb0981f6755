//! Documents of the Elastic Common Schema: a line each, or by Elasticsearch's bulk interface, which creates each once.

use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_schema::kind::Severity;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Exporter, Format, Made, bad_target};
use crate::export::attempt::{Answer, Attempt};
use crate::export::http::{Address, Http};
use crate::export::item::Item;

/// The row of this format.
pub const FORMAT: Format = Format {
    name: "ecs",
    help: "Elastic Common Schema, a document a line, or Elasticsearch's bulk interface",
    to: "the URL of Elasticsearch or OpenSearch, of an index or data stream there, or of its _bulk",
    least: Severity::Info,
    together: 512,
    make,
};

/// The version of the schema that the fields are from.
const ECS_VERSION: &str = "8.17.0";

/// The data stream, where the URL names none: type, dataset and namespace, as Elastic names them.
const STREAM: &str = "logs-forkwatch-default";

/// Fields of a record that the schema has names for.
const NAMED: &[&str] = &[
    "time", "severity", "message", "host", "pid", "ppid", "tid", "thread", "exe", "argv", "service",
];

struct Ecs(Option<(String, Http)>);

fn make(to: Option<&str>, http: Http) -> Made {
    let Some(to) = to else { return Ok(Box::new(Ecs(None))) };
    let address = Address::parse(to).ok_or_else(|| bad_target(&FORMAT, to))?;
    let (path, query) = address.path.split_once('?').unwrap_or((&address.path, ""));
    let index = path.trim_end_matches('/');
    let index = index.strip_suffix("/_bulk").unwrap_or(index);
    let index = if index.is_empty() { &format!("/{STREAM}") } else { index };
    let mark = if query.is_empty() { "" } else { "?" };
    let url = address.with_path(&format!("{index}/_bulk{mark}{query}"));
    Ok(Box::new(Ecs(Some((url, http.with_user_of(&address))))))
}

impl Exporter for Ecs {
    fn print(&mut self, items: &[Item], out: &mut dyn Write) -> io::Result<()> {
        for item in items {
            serde_json::to_writer(Harmless(&mut *out), &document(item))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn send(&mut self, items: &[Item]) -> Attempt {
        let Some((url, http)) = &self.0 else {
            return Attempt::Answered(Answer::default());
        };
        let mut body = String::new();
        for item in items {
            // Created and never replaced: a document that is there already stays as it is.
            body += &json!({"create": {"_id": item.id.to_string()}}).to_string();
            body += "\n";
            body += &Value::from(document(item)).to_string();
            body += "\n";
        }
        match http.post(url, "application/x-ndjson", body.as_bytes()) {
            Ok(answer) => judged(&answer, items.len()),
            Err(attempt) => attempt,
        }
    }
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    #[serde(default)]
    error: Value,
}

/// What became of each document.
fn judged(answer: &[u8], sent: usize) -> Attempt {
    let bulk: Bulk = match serde_json::from_slice(answer) {
        Ok(bulk) => bulk,
        Err(error) => return Attempt::Refused(format!("the answer is not that of a bulk request: {error}")),
    };
    if bulk.items.len() != sent {
        let items = bulk.items.len();
        return Attempt::Refused(format!("the answer is about {items} documents, and {sent} were sent"));
    }
    let mut judged = Answer::default();
    for (position, Row { create }) in bulk.items.into_iter().enumerate() {
        let why = || {
            let reason = create.error["reason"].as_str().unwrap_or_default();
            format!("HTTP {} for a document: {reason}", create.status)
        };
        match create.status {
            200..=299 => {}
            409 => judged.known += 1,
            429 | 502 | 503 | 504 => {
                judged.again.push(position);
                judged.why = why();
            }
            _ => judged.rejected.push((1, Some(position), why())),
        }
    }
    Attempt::Answered(judged)
}

/// A record as a document.
fn document(item: &Item) -> Map<String, Value> {
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
    put(
        "data_stream",
        json!({"type": "logs", "dataset": "forkwatch", "namespace": "default"}),
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

    use super::{Attempt, document, judged};
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

    #[test]
    fn each_document_has_its_own_answer() {
        let row = |status: u16| json!({"create": {"status": status, "error": {"reason": "why"}}});
        let answer = |statuses: &[u16]| {
            let rows: Vec<Value> = statuses.iter().map(|status| row(*status)).collect();
            judged(json!({"errors": true, "items": rows}).to_string().as_bytes(), 5)
        };
        let Attempt::Answered(judged) = answer(&[201, 409, 429, 400, 503]) else {
            panic!()
        };
        assert_eq!((judged.known, judged.again), (1, vec![2, 4]));
        assert_eq!(
            judged.rejected,
            [(1, Some(3), "HTTP 400 for a document: why".to_owned())]
        );
        assert!(matches!(answer(&[201]), Attempt::Refused(_)));
        assert!(matches!(super::judged(b"<html>", 5), Attempt::Refused(_)));
    }
}
