//! A receiver that asks for patience, takes a part, or does not want what it gets.

use std::fs;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message;
use serde_json::json;

use super::receiver::{Receiver, Reply};
use super::{Place, id, log_records, numbers, output, said};

fn place(records: usize) -> Place {
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..records)).unwrap();
    place
}

#[test]
fn four_statuses_and_a_broken_connection_are_tried_again() {
    for status in [429, 502, 503, 504, 0] {
        let place = place(10);
        let receiver = Receiver::new(move |number, _| match (number, status) {
            (0, 0) => Reply::HangUp,
            (0, status) => Reply::status(status),
            _ => Reply::status(200),
        });
        let said = said(&output(&mut place.send("otlp", &receiver.url, &[])), 0);
        assert!(said.contains("10 records were exported"), "{status}: {said}");
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2, "{status}");
        let ids = |number: usize| log_records(&requests[number].body).iter().map(id).collect::<Vec<_>>();
        assert_eq!(ids(0), ids(1), "{status}");
    }
}

#[test]
fn what_is_asked_for_is_waited_for() {
    let place = place(3);
    let receiver = Receiver::new(|number, _| match number {
        0 => Reply::Answer(503, "Retry-After: 2\r\n".into(), vec![]),
        _ => Reply::status(200),
    });
    let start = Instant::now();
    said(&output(&mut place.send("otlp", &receiver.url, &[])), 0);
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn nothing_else_is_tried_again_and_nothing_is_lost_by_it() {
    for status in [301, 401, 403, 404, 500, 501] {
        let place = place(10);
        let refuse = move |_, _: &_| Reply::Answer(status, String::new(), b"not\x1b[31m here".to_vec());
        let receiver = Receiver::new(refuse);
        let said_of = said(&output(&mut place.send("otlp", &receiver.url, &[])), 125);
        assert!(
            said_of.contains(&format!(
                "HTTP {status}: not\\u{{1b}}[31m here; the next export goes on"
            )),
            "{said_of}"
        );
        assert_eq!(receiver.requests().len(), 1, "{status}");
        // Another address, the same positions file: what was not acknowledged is sent.
        fs::remove_file(place.positions()).unwrap_or_default();
        let willing = Receiver::willing();
        let said_of = said(&output(&mut place.send("otlp", &willing.url, &[])), 0);
        assert!(said_of.contains("10 records were exported"), "{said_of}");
    }
}

#[test]
fn a_receiver_that_stays_away_is_given_up() {
    let place = place(3);
    let receiver = Receiver::new(|_, _| Reply::status(503));
    let start = Instant::now();
    let said = said(
        &output(&mut place.send("otlp", &receiver.url, &["--patience", "3s"])),
        125,
    );
    assert!(
        said.contains("HTTP 503; the next export goes on behind what it has acknowledged"),
        "{said}"
    );
    assert!(start.elapsed() < Duration::from_secs(10) && receiver.requests().len() >= 2);
}

#[test]
fn a_rejected_part_is_said_and_not_sent_again() {
    let place = place(10);
    let receiver = Receiver::new(|_, _| {
        let partial = ExportLogsPartialSuccess {
            rejected_log_records: 3,
            error_message: "too old".into(),
        };
        let answer = ExportLogsServiceResponse {
            partial_success: Some(partial),
        };
        Reply::Answer(200, String::new(), answer.encode_to_vec())
    });
    let said_of = said(&output(&mut place.send("otlp", &receiver.url, &[])), 125);
    assert!(
        said_of.contains("the receiver has rejected 3 of 10 records: too old"),
        "{said_of}"
    );
    assert!(
        said_of.contains("7 records were exported") && said_of.contains("3 records were rejected"),
        "{said_of}"
    );
    said(&output(&mut place.send("otlp", &receiver.url, &[])), 0);
    assert_eq!(receiver.requests().len(), 1);
}

/// One record that the receiver cannot take does not hold up the others.
#[test]
fn a_batch_that_is_not_wanted_is_sent_in_parts() {
    for status in [400, 413, 422] {
        let place = place(20);
        let receiver = Receiver::new(move |_, request| {
            let is_bad = log_records(&request.body)
                .iter()
                .any(|log| log.time_unix_nano % 1_000_000_000 == 13);
            Reply::status(if is_bad { status } else { 200 })
        });
        let said = said(&output(&mut place.send("otlp", &receiver.url, &[])), 125);
        assert!(
            said.contains("has rejected the unsafe_fork of 2026-11-21T03:12:45.000000013Z (line 14)"),
            "{said}"
        );
        assert!(
            said.contains("19 records were exported") && said.contains("1 record was rejected"),
            "{said}"
        );
    }
}

/// A wrong address may answer like this. The records are kept for the right one.
#[test]
fn a_receiver_that_wants_no_record_at_all_loses_none() {
    let place = place(20);
    let receiver = Receiver::new(|_, _| Reply::status(400));
    let said = said(&output(&mut place.send("otlp", &receiver.url, &[])), 125);
    assert!(
        said.contains("does not take the records: it takes no record: HTTP 400"),
        "{said}"
    );
    assert!(!place.positions().exists());
}

/// Each document of a bulk request has an answer of its own.
#[test]
fn documents_are_there_already_rejected_or_sent_again() {
    let place = place(4);
    let receiver = Receiver::new(|number, _| {
        let statuses: &[u16] = if number == 0 { &[201, 409, 429, 400] } else { &[201] };
        let rows: Vec<_> = statuses
            .iter()
            .map(|status| json!({"create": {"status": status, "error": {"reason": "because"}}}))
            .collect();
        Reply::Answer(200, String::new(), json!({"items": rows}).to_string().into_bytes())
    });
    let said = said(&output(&mut place.send("ecs", &receiver.url, &[])), 125);
    for expected in [
        "2 records were exported",
        "1 record was there already",
        "1 record was rejected",
        "(line 4): HTTP 400 for a document: because",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let requests = receiver.requests();
    let text = |number: usize| String::from_utf8(requests[number].body.clone()).unwrap();
    assert_eq!(requests.len(), 2);
    assert!(
        text(0).contains(&text(1)) && text(1).lines().count() == 2,
        "{}",
        text(1)
    );
}
