//! OpenTelemetry's log records: OTLP over HTTP as protobuf, or a JSON object per batch, as the collector's file exporter writes it.

use std::collections::HashMap;
use std::io::{self, Write};

use forkwatch_schema::harmless::Harmless;
use forkwatch_schema::kind::Severity;
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::Value;

use super::{Exporter, Format, Made, bad_target};
use crate::export::attempt::{Answer, Attempt};
use crate::export::http::{Address, Http};
use crate::export::item::Item;

/// The row of this format.
pub const FORMAT: Format = Format {
    name: "otlp",
    help: "OpenTelemetry log records: OTLP/HTTP",
    to: "the http:// or https:// URL of a collector, to which /v1/logs is added",
    least: Severity::Info,
    together: 512,
    make,
};

/// Where receivers listen, below the address of the collector.
const PATH: &str = "/v1/logs";

/// What the resource has of a record: an attribute's name by the semantic conventions, and the field.
const RESOURCE: &[(&str, &str)] = &[
    ("service.name", "service"),
    ("host.name", "host"),
    ("process.pid", "pid"),
    ("process.parent_pid", "ppid"),
    ("process.executable.path", "exe"),
    ("process.command_args", "argv"),
];

/// The same of the log record.
const THREAD: &[(&str, &str)] = &[("thread.id", "tid"), ("thread.name", "thread")];

/// Fields that a log record has places of its own for.
const PLACED: &[&str] = &["time", "severity", "message"];

struct Otlp(Option<(String, Http)>);

fn make(to: Option<&str>, http: Http) -> Made {
    let Some(to) = to else { return Ok(Box::new(Otlp(None))) };
    let address = Address::parse(to).ok_or_else(|| bad_target(&FORMAT, to))?;
    let url = if address.path.ends_with(PATH) {
        address.with_path(&address.path)
    } else {
        address.with_path(&format!("{}{PATH}", address.path.trim_end_matches('/')))
    };
    Ok(Box::new(Otlp(Some((url, http.with_user_of(&address))))))
}

impl Exporter for Otlp {
    fn print(&mut self, items: &[Item], out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(Harmless(&mut *out), &request(items, Timestamp::now()))?;
        out.write_all(b"\n")
    }

    fn send(&mut self, items: &[Item]) -> Attempt {
        let Some((url, http)) = &self.0 else {
            return Attempt::Answered(Answer::default());
        };
        let body = request(items, Timestamp::now()).encode_to_vec();
        match http.post(url, "application/x-protobuf", &body) {
            Ok(answer) => Attempt::Answered(judged(&answer)),
            Err(attempt) => attempt,
        }
    }
}

/// What a receiver says that has taken a part at least. It does not say which records it means.
fn judged(answer: &[u8]) -> Answer {
    let partial = ExportLogsServiceResponse::decode(answer)
        .ok()
        .and_then(|answer| answer.partial_success);
    let rejected = partial.and_then(|partial| {
        let records = u64::try_from(partial.rejected_log_records)
            .ok()
            .filter(|records| *records > 0)?;
        Some((records, None, partial.error_message))
    });
    Answer {
        rejected: rejected.into_iter().collect(),
        ..Answer::default()
    }
}

/// A batch: the records of each process together, in their order.
fn request(items: &[Item], now: Timestamp) -> ExportLogsServiceRequest {
    let now = u64::try_from(now.as_nanosecond()).unwrap_or(0);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut resource_logs: Vec<ResourceLogs> = Vec::new();
    for item in items {
        let place = *places.entry(process(item)).or_insert_with(|| {
            resource_logs.push(ResourceLogs {
                resource: Some(resource(item)),
                scope_logs: vec![ScopeLogs {
                    scope: Some(InstrumentationScope {
                        name: "forkwatch".to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            });
            resource_logs.len() - 1
        });
        resource_logs[place].scope_logs[0]
            .log_records
            .push(log_record(item, now));
    }
    ExportLogsServiceRequest { resource_logs }
}

/// What makes up the resource, as a text.
fn process(item: &Item) -> String {
    let mut key = String::new();
    for (_, field) in RESOURCE {
        match item.fields.get(*field) {
            Some(Value::String(text)) => key += text,
            Some(value) => key += &value.to_string(),
            None => {}
        }
        // No text has this character: it would be escaped.
        key.push('\n');
    }
    key
}

fn resource(item: &Item) -> Resource {
    let mut attributes = attributes(item, RESOURCE);
    if item.said("exe").is_some() {
        attributes.push(attribute("process.executable.name", any(&item.program().into())));
    }
    Resource {
        attributes,
        ..Resource::default()
    }
}

fn log_record(item: &Item, now: u64) -> LogRecord {
    let severity = match item.severity {
        Severity::Fatal => SeverityNumber::Fatal,
        Severity::Error => SeverityNumber::Error,
        Severity::Warn => SeverityNumber::Warn,
        Severity::Info => SeverityNumber::Info,
    };
    // Of two records with the same value, one is superfluous: that is what the convention says.
    let mut attributes = vec![attribute("log.record.uid", any(&item.id.to_string().into()))];
    attributes.extend(self::attributes(item, THREAD));
    let stack = item.stack_trace();
    if !stack.is_empty() {
        attributes.push(attribute("code.stacktrace", any(&stack.into())));
    }
    for (name, value) in item.fields.iter().filter(|(_, value)| !value.is_null()) {
        let is_placed = PLACED.contains(&name.as_str());
        if !is_placed && RESOURCE.iter().chain(THREAD).all(|(_, field)| field != name) {
            attributes.push(attribute(&format!("forkwatch.{name}"), any(value)));
        }
    }
    LogRecord {
        time_unix_nano: item.time,
        observed_time_unix_nano: now,
        severity_number: severity.into(),
        severity_text: item.severity.name().to_owned(),
        body: Some(any(&item.text("message").into())),
        attributes,
        event_name: format!("forkwatch.{}", item.text("kind")),
        ..LogRecord::default()
    }
}

fn attributes(item: &Item, names: &[(&str, &str)]) -> Vec<KeyValue> {
    let given = names
        .iter()
        .filter_map(|(name, field)| Some((*name, item.fields.get(*field).filter(|value| !value.is_null())?)));
    given.map(|(name, value)| attribute(name, any(value))).collect()
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

/// A value of a record, lists and objects included.
fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(bool) => Some(Any::BoolValue(*bool)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(number) => Any::IntValue(number),
            None => Any::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(values) => Some(Any::ArrayValue(ArrayValue {
            values: values.iter().map(any).collect(),
        })),
        Value::Object(fields) => {
            // A field without a value says nothing, and many receivers do not take it.
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            Some(Any::KvlistValue(KeyValueList {
                values: fields.map(|(name, value)| attribute(name, any(value))).collect(),
            }))
        }
    };
    AnyValue { value }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use prost::Message;
    use serde_json::{Value, json};

    use super::{judged, request};
    use crate::export::item::tests::{fork, outcome};

    #[test]
    fn records_of_one_process_have_one_resource() {
        let items = [fork(42), outcome(), fork(42)];
        let request = serde_json::to_value(request(&items, "2026-11-22T00:00:00Z".parse().unwrap())).unwrap();
        let logs = request["resourceLogs"].as_array().unwrap();
        let counts: Vec<usize> = logs
            .iter()
            .map(|logs| logs["scopeLogs"][0]["logRecords"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [2, 1]);
        let attribute = |of: &Value, key: &str| -> Value {
            let all = of["attributes"].as_array().unwrap();
            let found: Vec<&Value> = all.iter().filter(|attribute| attribute["key"] == key).collect();
            assert!(found.len() <= 1, "{key} is there twice");
            found.first().map_or(Value::Null, |found| found["value"].clone())
        };
        let resource = &logs[0]["resource"];
        for (key, value) in [
            ("service.name", json!({"stringValue": "checkout"})),
            ("host.name", json!({"stringValue": "node-7"})),
            ("process.pid", json!({"intValue": "42"})),
            ("process.executable.name", json!({"stringValue": "shop"})),
            ("process.executable.path", json!({"stringValue": "/srv/shop/bin/shop"})),
        ] {
            assert_eq!(attribute(resource, key), value, "{key}");
        }
        let log = &logs[0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], "1795230765123456789");
        assert_eq!(
            (&log["severityNumber"], &log["severityText"]),
            (&json!(17), &json!("ERROR"))
        );
        assert_eq!(log["body"], json!({"stringValue": "fork() beside 1 thread"}));
        assert_eq!(log["eventName"], "forkwatch.unsafe_fork");
        assert_eq!(
            attribute(log, "log.record.uid"),
            json!({"stringValue": items[0].id.to_string()})
        );
        assert_eq!(attribute(log, "forkwatch.fork_id"), json!({"stringValue": "42-1-2"}));
        assert_eq!(attribute(log, "thread.id"), json!({"intValue": "42"}));
        assert_eq!(attribute(log, "forkwatch.context"), Value::Null);
        let fork = &attribute(log, "forkwatch.fork")["kvlistValue"];
        let names: Vec<&str> = fork["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["key"].as_str().unwrap())
            .collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    fn a_part_may_be_rejected() {
        let answer = |records, message: &str| {
            let partial = ExportLogsPartialSuccess {
                rejected_log_records: records,
                error_message: message.to_owned(),
            };
            let answer = ExportLogsServiceResponse {
                partial_success: Some(partial),
            };
            judged(&answer.encode_to_vec()).rejected
        };
        assert_eq!(answer(3, "too old"), [(3, None, "too old".to_owned())]);
        assert_eq!(answer(0, "a hint"), []);
        assert_eq!(judged(b"").rejected, []);
        assert_eq!(judged(b"{}").rejected, []);
    }
}
