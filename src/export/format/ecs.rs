//! Documents of the Elastic Common Schema: a line each, or by Elasticsearch's bulk interface, which creates each once. What is in
//! them is in `document`.

mod document;

use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_schema::kind::Severity;
use serde::Deserialize;
use serde_json::{Value, json};

use self::document::document;
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

/// The data stream, where the URL names none: type, dataset and namespace, as Elastic names them.
const STREAM: &str = "logs-forkwatch-default";

struct Ecs {
    /// Where the documents go.
    target: Option<(String, Http)>,
    /// What Elastic's own data streams want to find in each.
    stream: Option<Value>,
}

fn make(to: Option<&str>, http: Http) -> Made {
    let Some(to) = to else {
        return Ok(Box::new(Ecs {
            target: None,
            stream: None,
        }));
    };
    let address = Address::parse(to).ok_or_else(|| bad_target(&FORMAT, to))?;
    let (path, query) = address.path.split_once('?').unwrap_or((&address.path, ""));
    let index = path.trim_end_matches('/');
    let index = index.strip_suffix("/_bulk").unwrap_or(index);
    let index = if index.is_empty() { &format!("/{STREAM}") } else { index };
    let mark = if query.is_empty() { "" } else { "?" };
    let url = address.with_path(&format!("{index}/_bulk{mark}{query}"));
    let stream = stream(index.rsplit('/').next().unwrap_or_default());
    let target = Some((url, http.with_user_of(&address)));
    Ok(Box::new(Ecs { target, stream }))
}

/// The fields of a data stream that is named as Elastic names them: type, dataset and namespace. It takes no documents of another.
fn stream(name: &str) -> Option<Value> {
    let parts: Vec<&str> = name.split('-').collect();
    let [kind @ "logs", dataset, namespace] = parts[..] else {
        return None;
    };
    Some(json!({"type": kind, "dataset": dataset, "namespace": namespace}))
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
        let Some((url, http)) = &self.target else {
            return Attempt::Answered(Answer::default());
        };
        let mut body = String::new();
        for item in items {
            // Created and never replaced: a document that is there already stays as it is.
            body += &json!({"create": {"_id": item.id.to_string()}}).to_string();
            body += "\n";
            let mut document = document(item);
            if let Some(stream) = &self.stream {
                document.insert("data_stream".to_owned(), stream.clone());
            }
            body += &Value::from(document).to_string();
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Attempt, judged, stream};

    #[test]
    fn a_data_stream_says_what_it_wants() {
        let of_tests = json!({"type": "logs", "dataset": "forks.ci", "namespace": "test"});
        assert_eq!(stream("logs-forks.ci-test"), Some(of_tests));
        assert_eq!(
            (stream("forks"), stream("logs-forks"), stream("metrics-a-b")),
            (None, None, None)
        );
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
