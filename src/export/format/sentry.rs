//! Sentry's events: an envelope each, or a JSON object a line. The frames are in `stacks`.

mod stacks;

use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_schema::kind::Severity;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Exporter, Format, Made, bad_target};
use crate::export::attempt::{Answer, Attempt};
use crate::export::http::{Address, Http};
use crate::export::item::Item;

/// The row of this format.
pub const FORMAT: Format = Format {
    name: "sentry",
    help: "Sentry events",
    to: "the DSN of a project: https://KEY@HOST/PROJECT",
    // Each event counts against a quota, and bookkeeping is no error.
    least: Severity::Warn,
    // An envelope holds one event.
    together: 1,
    make,
};

/// Fields that events have places of their own for.
const PLACED: &[&str] = &[
    "time",
    "severity",
    "message",
    "fingerprint",
    "host",
    "tid",
    "thread",
    "threads",
    "stack",
    "python_stack",
    "schema",
];

struct Sentry(Option<(String, Http)>);

fn make(to: Option<&str>, http: Http) -> Made {
    let Some(to) = to else {
        return Ok(Box::new(Sentry(None)));
    };
    let (url, key) = endpoint(to).ok_or_else(|| bad_target(&FORMAT, &shown(to)))?;
    let client = concat!("forkwatch/", env!("CARGO_PKG_VERSION"));
    let auth = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={key}");
    Ok(Box::new(Sentry(Some((url, http.with("x-sentry-auth", auth))))))
}

/// Where a DSN's envelopes go, and its key.
fn endpoint(dsn: &str) -> Option<(String, String)> {
    let address = Address::parse(dsn)?;
    let user = address.user.as_deref()?;
    // Old ones have a secret, too, which is no longer sent.
    let key = user
        .split(':')
        .next()
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let (before, project) = address.path.trim_end_matches('/').rsplit_once('/')?;
    let is_sound = !project.is_empty() && !key.is_empty() && !project.contains('?');
    let path = format!("{before}/api/{project}/envelope/");
    is_sound.then(|| (address.with_path(&path), key.to_owned()))
}

/// A DSN in a message, without its key.
fn shown(dsn: &str) -> String {
    Address::parse(dsn).map_or_else(|| dsn.to_owned(), |address| address.with_path(&address.path))
}

impl Exporter for Sentry {
    fn print(&mut self, items: &[Item], out: &mut dyn Write) -> io::Result<()> {
        for item in items {
            serde_json::to_writer(Harmless(&mut *out), &event(item))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn send(&mut self, items: &[Item]) -> Attempt {
        let Some((url, http)) = &self.0 else {
            return Attempt::Answered(Answer::default());
        };
        // There is one: `together` says so.
        for item in items {
            if let Err(attempt) = http.post(url, "application/x-sentry-envelope", &envelope(item)) {
                return attempt;
            }
        }
        Attempt::Answered(Answer::default())
    }
}

fn envelope(item: &Item) -> Vec<u8> {
    let event = event(item).to_string();
    let head = json!({"event_id": item.id.to_string(), "sent_at": format!("{:.3}", Timestamp::now())});
    let of_event = json!({"type": "event", "content_type": "application/json", "length": event.len()});
    format!("{head}\n{of_event}\n{event}\n").into_bytes()
}

/// A record as an event. Sentry keeps one of several with the same `event_id`.
fn event(item: &Item) -> Value {
    let level = match item.severity {
        Severity::Fatal => "fatal",
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "info",
    };
    let is_python = !item.python_stack().is_empty();
    let mut event = json!({
        "event_id": item.id.to_string(),
        "platform": if is_python { "python" } else { "native" },
        "level": level,
        "logger": "forkwatch",
        "fingerprint": [item.text("fingerprint")],
        "message": {"formatted": item.text("message")},
        "tags": tags(item),
        "contexts": {"process": process(item)},
        "extra": extra(item),
        "sdk": {"name": "forkwatch", "version": env!("CARGO_PKG_VERSION")},
        "exception": {"values": [stacks::exception(item)]},
        "threads": {"values": stacks::threads(item)},
        "debug_meta": {"images": stacks::images(item)},
    });
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            event[name] = value.into();
        }
    };
    put("timestamp", item.said("time"));
    put("server_name", item.said("host"));
    put("culprit", stacks::culprit(item).as_deref());
    put("transaction", stacks::culprit(item).as_deref());
    event
}

fn tags(item: &Item) -> Value {
    let known = [
        ("kind", item.said("kind")),
        ("service", item.said("service")),
        ("program", Some(item.program()).filter(|name| !name.is_empty())),
        ("fork_id", item.said("fork_id")),
        ("forkwatch.context", item.said("context")),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    known.collect::<Map<_, _>>().into()
}

fn process(item: &Item) -> Value {
    let known = [
        ("pid", "pid"),
        ("ppid", "ppid"),
        ("executable", "exe"),
        ("args", "argv"),
    ];
    let known = known.into_iter().filter_map(|(name, field)| {
        let value = item.fields.get(field).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    let mut process: Map<_, _> = known.collect();
    process.insert("type".to_owned(), "process".into());
    process.into()
}

/// Everything else that the record says.
fn extra(item: &Item) -> Value {
    let rest = item
        .fields
        .iter()
        .filter(|(name, value)| !PLACED.contains(&name.as_str()) && !value.is_null());
    rest.map(|(name, value)| (name.clone(), value.clone()))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{endpoint, envelope, event};
    use crate::export::item::tests::fork;

    #[test]
    fn dsns() {
        let found = |dsn: &str| endpoint(dsn).map(|(url, key)| format!("{url} {key}"));
        assert_eq!(
            found("https://abc@o1.ingest.sentry.io/42").unwrap(),
            "https://o1.ingest.sentry.io/api/42/envelope/ abc"
        );
        assert_eq!(
            found("http://a:b@h:9000/in/7/").unwrap(),
            "http://h:9000/in/api/7/envelope/ a"
        );
        for wrong in [
            "https://o1.ingest.sentry.io/42",
            "https://abc@host",
            "https://@host/1",
            "abc",
            "https://a,b@h/1",
        ] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_envelope_says_how_long_its_event_is() {
        let item = fork(42);
        let envelope = String::from_utf8(envelope(&item)).unwrap();
        let lines: Vec<&str> = envelope.lines().collect();
        let [head, of_event, event] = lines[..] else {
            panic!("{envelope}")
        };
        let head: Value = serde_json::from_str(head).unwrap();
        let of_event: Value = serde_json::from_str(of_event).unwrap();
        assert_eq!(head["event_id"], item.id.to_string());
        assert_eq!(
            (&of_event["type"], &of_event["length"]),
            (&json!("event"), &json!(event.len()))
        );
    }

    #[test]
    fn an_event_is_grouped_by_the_fingerprint() {
        let event = event(&fork(42));
        assert_eq!(event["fingerprint"], json!(["0123456789abcdef"]));
        assert_eq!(
            (&event["level"], &event["platform"]),
            (&json!("error"), &json!("python"))
        );
        assert_eq!(
            (&event["server_name"], &event["culprit"]),
            (&json!("node-7"), &json!("start (/srv/app.py)"))
        );
        assert_eq!(event["tags"]["kind"], "unsafe_fork");
        assert!(event["extra"]["fork"].is_object() && event["extra"].get("threads").is_none());
    }
}
