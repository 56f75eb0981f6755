//! `--follow`: logs that grow, are rotated or appear.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use serde_json::Value;

use super::counts::{bulk, exposed};
use super::receiver::{Receiver, Reply};
use super::{DEADLINE, Place, append, ended_by, id, log_records, numbers, output, said, until};
use crate::command::forkwatch;

/// The ids that have arrived; each once.
fn arrived(receiver: &Receiver) -> BTreeSet<String> {
    let requests = receiver.requests();
    let ids: Vec<String> = requests
        .iter()
        .flat_map(|request| log_records(&request.body))
        .map(|log| id(&log))
        .collect();
    let distinct: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(ids.len(), distinct.len(), "a record was sent twice");
    distinct
}

fn follow(place: &Place, receiver: &Receiver) -> Child {
    let mut command = place.send("otlp", &receiver.url, &["--follow"]);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_log_grows_is_rotated_and_others_appear() {
    let (place, receiver) = (Place::new(), Receiver::willing());
    let has = |count: usize| until(&format!("{count} records"), || arrived(&receiver).len() == count);
    fs::write(place.log("app.jsonl"), numbers(0..10)).unwrap();
    let child = follow(&place, &receiver);
    has(10);
    append(&place.log("app.jsonl"), &numbers(10..20));
    has(20);
    // Half a line, which is no record until its other half comes.
    let (line, rest) = (numbers(20..21), numbers(21..25));
    append(&place.log("app.jsonl"), &line[..100]);
    append(&place.log("other.jsonl"), &rest);
    has(24);
    append(&place.log("app.jsonl"), &line[100..]);
    has(25);
    // Renamed, and written to under the new name before the writer notices.
    fs::rename(place.log("app.jsonl"), place.log("app.jsonl.1")).unwrap();
    append(&place.log("app.jsonl.1"), &numbers(25..30));
    append(&place.log("app.jsonl"), &numbers(30..35));
    has(35);
    // Copied and truncated.
    fs::copy(place.log("app.jsonl"), place.log("app.jsonl.0")).unwrap();
    File::options()
        .write(true)
        .open(place.log("app.jsonl"))
        .unwrap()
        .set_len(0)
        .unwrap();
    append(&place.log("app.jsonl"), &numbers(35..40));
    has(40);
    // Compressed, which takes a moment to be noticed.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&fs::read(place.log("app.jsonl.1")).unwrap()).unwrap();
    fs::write(place.log("app.jsonl.1.gz"), gzip.finish().unwrap()).unwrap();
    fs::remove_file(place.log("app.jsonl.1")).unwrap();
    fs::create_dir(place.log("sub")).unwrap();
    append(&place.log("sub/late.jsonl"), &numbers(40..45));
    has(45);
    append(&place.log("sub/late.jsonl"), "no record\n");
    append(&place.log("sub/late.jsonl"), &numbers(45..46));
    has(46);
    let said = said(&ended_by(child, Signal::TERM), 0);
    assert!(
        said.contains("sub/late.jsonl:6: not JSON") && said.contains("46 records were exported"),
        "{said}"
    );
    // The next run finds nothing new, in files of any name.
    assert!(output(&mut place.send("otlp", &receiver.url, &[])).status.success());
    assert_eq!(arrived(&receiver).len(), 46);
}

#[test]
fn a_single_file_is_read_to_its_end_after_it_was_renamed_away() {
    let (place, receiver) = (Place::new(), Receiver::willing());
    let path = place.log("app.jsonl");
    let mut writer = File::create(&path).unwrap();
    let mut command = forkwatch(&[
        "export",
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--follow",
        "--positions",
        "none",
    ]);
    let child = command.arg(&path).stderr(Stdio::piped()).spawn().unwrap();
    writer.write_all(numbers(0..3).as_bytes()).unwrap();
    until("3 records", || arrived(&receiver).len() == 3);
    fs::rename(&path, place.folder.path().join("elsewhere")).unwrap();
    // The writer still has the file open.
    writer.write_all(numbers(3..5).as_bytes()).unwrap();
    append(&path, &numbers(5..7));
    until("7 records", || arrived(&receiver).len() == 7);
    let said = said(&ended_by(child, Signal::INT), 0);
    assert!(said.contains("7 records were exported to http://127.0.0.1:"), "{said}");
}

#[test]
fn a_path_may_appear_later() {
    let (place, receiver) = (Place::new(), Receiver::willing());
    let mut command = forkwatch(&[
        "export",
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--follow",
        "--positions",
        "none",
    ]);
    command.arg(place.log("sub/app.jsonl")).arg(place.log("*.log"));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let told = lines(child.stderr.take().unwrap());
    for expected in ["sub/app.jsonl does not exist", "no file matches"] {
        assert!(told.recv_timeout(DEADLINE).unwrap().contains(expected));
    }
    fs::create_dir(place.log("sub")).unwrap();
    append(&place.log("sub/app.jsonl"), &numbers(0..2));
    append(&place.log("new.log"), &numbers(2..4));
    until("4 records", || arrived(&receiver).len() == 4);
    // What could not be read at first was said.
    said(&ended_by(child, Signal::TERM), 2);
}

/// The lines of a pipe, as they come.
fn lines(pipe: impl std::io::Read + Send + 'static) -> Lines<String> {
    let (out, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _nobody_waits = out.send(line);
        }
    });
    lines
}

#[test]
fn standard_output_follows_a_pipe_and_a_folder() {
    let place = Place::new();
    let mut command = forkwatch(&["export", "--format", "ecs", "--follow", "-"]);
    let mut child = command
        .arg(place.logs())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let printed = lines(child.stdout.take().unwrap());
    for number in 0..3 {
        input.write_all(numbers(number..number + 1).as_bytes()).unwrap();
        append(&place.log("a.jsonl"), &numbers(10 + number..11 + number));
        for _ in 0..2 {
            let document: Value = serde_json::from_str(&printed.recv_timeout(DEADLINE).unwrap()).unwrap();
            assert_eq!(document["event"]["module"], "forkwatch");
        }
    }
    let output = ended_by(child, Signal::TERM);
    assert_eq!(output.status.code(), Some(0), "while the pipe is open");
}

#[test]
fn a_pipe_alone_ends_with_its_writer() {
    let mut command = forkwatch(&["export", "--format", "ecs", "--follow", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(numbers(0..3).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

#[test]
fn counters_follow_and_survive_a_restart() {
    let place = Place::new();
    let file = place.folder.path().join("counts.prom");
    let sum = || -> u64 { fs::read_to_string(&file).map_or(0, |text| exposed(&text).values().sum()) };
    for round in 0..3u64 {
        let child = place
            .send("prometheus", file.to_str().unwrap(), &["--follow"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let first = usize::try_from(round * 10).unwrap();
        append(&place.log("a.jsonl"), &numbers(first..first + 10));
        // Two of ten are no findings.
        until("the counters", || sum() == (round + 1) * 8);
        said(&ended_by(child, Signal::TERM), 0);
    }
}

/// While the receiver takes nothing, little is read: memory does not grow with the logs.
#[test]
fn a_receiver_that_is_away_holds_the_reader_back() {
    let place = Place::new();
    let text = numbers(0..1000);
    for number in 0..100 {
        // 100 MB of records.
        let text = text.replace("node-1", &format!("node-{number}"));
        fs::write(place.log(&format!("{number}.jsonl")), text).unwrap();
    }
    let receiver = Receiver::new(|_, _| Reply::status(503));
    let child = follow(&place, &receiver);
    until("a few attempts", || receiver.requests().len() >= 3);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 60_000, "{peak} kB");
    // The end does not wait for the receiver.
    let said = said(&ended_by(child, Signal::TERM), 0);
    assert!(said.contains("0 records were exported"), "{said}");
    assert!(
        said.contains(" records were read and not taken: they come first next time"),
        "{said}"
    );
    let first: Vec<Vec<u8>> = receiver.requests().iter().map(|request| request.body.clone()).collect();
    let ids = |body: &[u8]| log_records(body).iter().map(id).collect::<Vec<_>>();
    assert!(
        first.iter().all(|body| ids(body) == ids(&first[0])),
        "the same batch again and again"
    );
}

#[test]
fn two_exports_do_not_share_positions() {
    let (place, receiver) = (Place::new(), Receiver::new(|_, request| bulk(request)));
    fs::write(place.log("a.jsonl"), numbers(0..5)).unwrap();
    let child = place.send("ecs", &receiver.url, &["--follow"]).spawn().unwrap();
    until("the first", || !receiver.requests().is_empty());
    let busy = said(&output(&mut place.send("ecs", &receiver.url, &[])), 125);
    assert!(busy.contains("another export uses the positions"), "{busy}");
    said(&ended_by(child, Signal::TERM), 0);
    let other = said(&output(&mut place.send("ecs", "http://127.0.0.1:9", &[])), 2);
    assert!(other.contains("are those of 'ecs to http://127.0.0.1:"), "{other}");
}
