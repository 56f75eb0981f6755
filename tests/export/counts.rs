//! The same counts as `forkwatch report` has, through every format.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use std::io::Write;

use super::receiver::{Receiver, Reply, Request};
use super::{Place, append, attribute, id, log_records, numbers, output, said};
use crate::command::forkwatch;

/// By fingerprint.
type Counts = BTreeMap<String, u64>;

/// Logs of every form, with lines that are no records: 1,000 records.
fn place() -> Place {
    let place = Place::new();
    fs::write(place.log("plain.jsonl"), numbers(0..400)).unwrap();
    append(&place.log("plain.jsonl"), "no record\n\n{\"schema\":\"other\"}\n");
    append(&place.log("plain.jsonl"), &numbers(400..500));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(numbers(500..750).as_bytes()).unwrap();
    fs::write(place.log("old.jsonl.1.gz"), gzip.finish().unwrap()).unwrap();
    let zstd = compress_to_vec(numbers(750..900).as_bytes(), CompressionLevel::Fastest);
    fs::write(place.log("old.jsonl.2.zst"), zstd).unwrap();
    // Its name says nothing, and its last line has no end.
    fs::write(place.log("4242"), numbers(900..1000).trim_end()).unwrap();
    place
}

/// What `forkwatch report` counts.
fn reported(place: &Place) -> Counts {
    let output = output(forkwatch(&["report", "--format", "json", "--no-symbols"]).arg(place.logs()));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["records"], &report["broken"]), (&json!(1000), &json!(2)));
    let findings = report["findings"].as_array().unwrap().iter();
    let count = |finding: &Value| {
        let fingerprint = finding["fingerprint"].as_str().unwrap().to_owned();
        (fingerprint, finding["count"].as_u64().unwrap())
    };
    findings.map(count).collect()
}

fn counted<'text>(fingerprints: impl IntoIterator<Item = &'text str>) -> Counts {
    let mut counts = Counts::new();
    for fingerprint in fingerprints {
        *counts.entry(fingerprint.to_owned()).or_default() += 1;
    }
    counts
}

/// Runs to the end, and checks what is said of the whole.
fn finish(command: &mut std::process::Command, expected: &str) -> String {
    let output = output(command);
    let said = said(&output, 0);
    assert!(
        said.contains("plain.jsonl:401: not JSON") && said.contains("plain.jsonl:403: not a forkwatch"),
        "{said}"
    );
    assert!(
        said.contains(expected) && said.contains("2 lines are no record"),
        "{said}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Documents that are findings, by their fingerprints.
fn of_documents(documents: &[Value]) -> Counts {
    let findings = documents
        .iter()
        .filter(|document| document["forkwatch"]["kind"] != "fork_outcome");
    counted(findings.map(|document| document["forkwatch"]["fingerprint"].as_str().unwrap()))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn otlp() {
    let place = place();
    let receiver = Receiver::willing();
    finish(
        &mut place.send("otlp", &receiver.url, &[]),
        "1,000 records were exported",
    );
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.line == "POST /v1/logs"));
    assert!(
        requests
            .iter()
            .all(|request| request.header("content-type") == Some("application/x-protobuf"))
    );
    let records: Vec<_> = requests.iter().flat_map(|request| log_records(&request.body)).collect();
    let ids: std::collections::BTreeSet<String> = records.iter().map(id).collect();
    assert_eq!((records.len(), ids.len()), (1000, 1000));
    let findings = records
        .iter()
        .filter(|record| record.event_name != "forkwatch.fork_outcome");
    let fingerprints: Vec<String> = findings
        .map(|record| attribute(record, "forkwatch.fingerprint"))
        .collect();
    assert_eq!(counted(fingerprints.iter().map(String::as_str)), reported(&place));
    // Nothing is sent again.
    let again = said(&output(&mut place.send("otlp", &receiver.url, &[])), 0);
    assert!(
        again.contains("0 records were exported") && again.contains("1,003 lines were read before"),
        "{again}"
    );
    assert_eq!(receiver.requests().len(), requests.len());
}

#[test]
fn otlp_on_standard_output() {
    let place = place();
    let text = finish(&mut place.export("otlp", &["--batch", "100"]), "2 lines are no record");
    let mut fingerprints = Vec::new();
    for line in lines(&text) {
        let request: opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest =
            serde_json::from_value(line).unwrap();
        let records = log_records(&prost::Message::encode_to_vec(&request));
        assert!(records.len() <= 100);
        let findings = records
            .iter()
            .filter(|record| record.event_name != "forkwatch.fork_outcome");
        fingerprints.extend(findings.map(|record| attribute(record, "forkwatch.fingerprint")));
    }
    assert_eq!(counted(fingerprints.iter().map(String::as_str)), reported(&place));
}

/// An index that keeps each document once.
pub fn bulk(request: &Request) -> Reply {
    let text = std::str::from_utf8(&request.body).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .step_by(2)
        .map(|_| json!({"create": {"status": 201}}))
        .collect();
    Reply::Answer(
        200,
        String::new(),
        json!({"errors": false, "items": rows}).to_string().into_bytes(),
    )
}

#[test]
fn ecs() {
    let place = place();
    let receiver = Receiver::new(|_, request| bulk(request));
    finish(
        &mut place.send("ecs", &receiver.url, &[]),
        "1,000 records were exported",
    );
    let mut documents = Vec::new();
    for request in receiver.requests() {
        assert_eq!(request.line, "POST /logs-forkwatch-default/_bulk");
        assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
        let lines = lines(std::str::from_utf8(&request.body).unwrap());
        for pair in lines.chunks(2) {
            assert_eq!(pair[0]["create"]["_id"], pair[1]["event"]["id"]);
            documents.push(pair[1].clone());
        }
    }
    assert_eq!((documents.len(), of_documents(&documents)), (1000, reported(&place)));
    let text = finish(&mut place.export("ecs", &[]), "2 lines are no record");
    assert_eq!(of_documents(&lines(&text)), reported(&place));
}

#[test]
fn an_index_may_be_named() {
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..1)).unwrap();
    let receiver = Receiver::new(|_, request| bulk(request));
    for path in ["/_bulk", "/forks", "/a/forks/_bulk?pipeline=x"] {
        let to = format!("{}{path}", receiver.url.replace("http://", "http://me:p%40ss@"));
        let header = ["--positions", "none", "--header", "X-Tenant: one"];
        let said = said(&output(place.export("ecs", &["--to", &to]).args(header)), 0);
        assert!(
            said.contains("1 record was exported to http://127.") && !said.contains("p%40ss"),
            "{said}"
        );
    }
    let requests = receiver.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        paths,
        [
            "POST /logs-forkwatch-default/_bulk",
            "POST /forks/_bulk",
            "POST /a/forks/_bulk?pipeline=x"
        ]
    );
    // me:p@ss
    assert_eq!(requests[0].header("authorization"), Some("Basic bWU6cEBzcw=="));
    assert_eq!(requests[0].header("x-tenant"), Some("one"));
}

#[test]
fn sentry() {
    let place = place();
    let receiver = Receiver::willing();
    let dsn = format!("{}/in/42", receiver.url.replace("http://", "http://abc@"));
    let hint = "800 records were exported";
    let text = finish(&mut place.send("sentry", &dsn, &[]), hint);
    assert_eq!(text, "");
    let requests = receiver.requests();
    let mut fingerprints = Vec::new();
    for request in &requests {
        assert_eq!(request.line, "POST /in/api/42/envelope/");
        let auth = request.header("x-sentry-auth").unwrap();
        assert!(auth.ends_with("sentry_key=abc"), "{auth}");
        let parts = lines(std::str::from_utf8(&request.body).unwrap());
        let [head, _, event] = &parts[..] else {
            panic!("{parts:?}")
        };
        assert_eq!(head["event_id"], event["event_id"]);
        fingerprints.push(event["fingerprint"][0].as_str().unwrap().to_owned());
    }
    assert_eq!(counted(fingerprints.iter().map(String::as_str)), reported(&place));
    let said = "200 records were not selected (INFO is sent with --severity info)";
    assert_eq!(lines(&finish(&mut place.export("sentry", &[]), said)).len(), 800);
    let all = finish(
        &mut place.export("sentry", &["--severity", "info"]),
        "2 lines are no record",
    );
    assert_eq!(lines(&all).len(), 1000);
}

#[test]
fn journald() {
    let place = place();
    let socket = place.folder.path().join("socket");
    let reader = UnixDatagram::bind(&socket).unwrap();
    // It has room for some entries, so that the sender must wait for the reader.
    let reading = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 18];
        let mut entries = Vec::new();
        while entries.len() < 1000 {
            let length = reader.recv(&mut buffer).unwrap();
            entries.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        entries
    });
    finish(
        &mut place.send("journald", socket.to_str().unwrap(), &[]),
        "1,000 records were exported",
    );
    let entries = reading.join().unwrap();
    let text = finish(&mut place.export("journald", &[]), "2 lines are no record");
    let exported: Vec<&str> = text.split_terminator("\n\n").collect();
    let of = |entries: &mut dyn Iterator<Item = &str>| -> Counts {
        let fields = |entry: &str| -> BTreeMap<String, String> {
            let pairs = entry.lines().map(|line| line.split_once('=').unwrap());
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let all: Vec<_> = entries.map(fields).collect();
        assert_eq!(all.len(), 1000);
        let findings = all.iter().filter(|fields| fields["FORKWATCH_KIND"] != "fork_outcome");
        counted(findings.map(|fields| fields["FORKWATCH_FINGERPRINT"].as_str()))
    };
    assert_eq!(of(&mut entries.iter().map(String::as_str)), reported(&place));
    assert_eq!(of(&mut exported.into_iter()), reported(&place));
}

/// The counters of findings in an exposition, by fingerprint.
pub fn exposed(text: &str) -> Counts {
    let mut counts = Counts::new();
    for line in text
        .lines()
        .filter(|line| line.starts_with("forkwatch_findings_total{"))
    {
        let (labels, count) = line.rsplit_once(' ').unwrap();
        let (_, rest) = labels.split_once("fingerprint=\"").unwrap();
        *counts.entry(rest[..16].to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
    counts
}

#[test]
fn prometheus() {
    let place = place();
    let text = finish(&mut place.export("prometheus", &[]), "2 lines are no record");
    assert_eq!(exposed(&text), reported(&place));
    assert!(
        text.contains("forkwatch_fork_outcomes_total{outcome=\"exec\",program=\"shop\"} 200\n"),
        "{text}"
    );
    let file = place.folder.path().join("counts.prom");
    let to = file.to_str().unwrap();
    finish(&mut place.send("prometheus", to, &[]), "1,000 records were exported");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // Sums go on, even where the file is lost.
    fs::remove_file(&file).unwrap();
    append(&place.log("plain.jsonl"), &numbers(1001..1002));
    assert!(output(&mut place.send("prometheus", to, &[])).status.success());
    let sum: u64 = exposed(&fs::read_to_string(&file).unwrap()).values().sum();
    assert_eq!(sum, 801);
    let gateway = Receiver::willing();
    let options = ["--to", &gateway.url, "--positions", "none"];
    finish(
        &mut place.export("prometheus", &[&options[..], &["--since", "2026-11-21"]].concat()),
        "1,001 records",
    );
    let last = gateway.requests().pop().unwrap();
    assert!(
        last.line.starts_with("PUT /metrics/job/forkwatch/instance/"),
        "{}",
        last.line
    );
    assert_eq!(
        exposed(std::str::from_utf8(&last.body).unwrap()).values().sum::<u64>(),
        801
    );
}

#[test]
fn what_is_not_selected_is_said() {
    let place = place();
    let text = finish(
        &mut place.export("ecs", &["--kind", "orphaned_lock"]),
        "800 records were not selected;",
    );
    assert_eq!(lines(&text).len(), 200);
    let none = finish(
        &mut place.export("ecs", &["--host", "other-*"]),
        "1,000 records were not selected;",
    );
    assert_eq!(none, "");
    let fatal = finish(
        &mut place.export("ecs", &["--severity", "fatal", "--program", "sh*"]),
        "800 records were not",
    );
    assert_eq!(lines(&fatal).len(), 200);
}

#[test]
fn a_pipe_is_read_once_and_a_missing_path_is_said() {
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..7)).unwrap();
    let input = fs::File::open(place.log("a.jsonl")).unwrap();
    let mut cat = forkwatch(&["export", "--format", "ecs", "-", "/gone.jsonl"]);
    let output = cat.stdin(input).output().unwrap();
    let said = said(&output, 2);
    assert!(said.contains("/gone.jsonl does not exist"), "{said}");
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 7);
}
