//! Other people's programs take what is exported: a collector, Sentry's own normaliser, and the journal.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::receiver::Receiver;
use super::{Place, attribute, id, log_records, numbers, output, said, until};
use crate::command::{command_at, forkwatch};
use crate::support::pythons;

/// Where Debian has it.
const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

/// A port that nobody uses now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A body that may be compressed.
fn unpacked(body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    match GzDecoder::new(body).read_to_end(&mut content) {
        Ok(_) => content,
        Err(_) => body.to_vec(),
    }
}

#[test]
fn rotel_passes_every_record_on() {
    let python = match pythons::with_package("rotel") {
        Ok(python) => python,
        Err(why) => return println!("skipped: no collector to send to: {why}"),
    };
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..2000)).unwrap();
    let (receiver, address) = (Receiver::willing(), format!("127.0.0.1:{}", port()));
    // Its agent is linked with the interpreter's library, which may lie in no place that the loader knows.
    let script = "import pathlib, rotel, sysconfig\n\
        print(sysconfig.get_config_var('LIBDIR'))\n\
        print(pathlib.Path(rotel.__file__).parent / 'rotel-agent')";
    let places = command_at(&python.path, &["-c", script]).output().unwrap();
    let places = String::from_utf8(places.stdout).unwrap();
    let (libraries, agent) = places.trim().split_once('\n').unwrap();
    let version = Command::new(agent)
        .env("LD_LIBRARY_PATH", libraries)
        .arg("version")
        .output();
    if !version.is_ok_and(|output| output.status.success()) {
        return println!("skipped: the collector does not run here");
    }
    let mut rotel = Command::new(agent)
        .env("LD_LIBRARY_PATH", libraries)
        .args(["start", "--otlp-http-endpoint", &address])
        .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{}", port())])
        .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
        .args([
            "--otlp-exporter-endpoint",
            &receiver.url,
            "--otlp-exporter-compression",
            "none",
        ])
        .args(["--pid-file", place.folder.path().join("pid").to_str().unwrap()])
        .args(["--log-file", place.folder.path().join("log").to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It takes a moment to listen, which is waited for like any receiver that is away.
    let result = output(&mut place.send("otlp", &format!("http://{address}"), &["--patience", "30s"]));
    let said = said(&result, 0);
    assert!(said.contains("2,000 records were exported"), "{said}");
    let arrived = || -> Vec<_> {
        let requests = receiver.requests();
        requests
            .iter()
            .flat_map(|request| log_records(&unpacked(&request.body)))
            .collect()
    };
    until("every record has come through", || arrived().len() >= 2000);
    rotel.kill().unwrap();
    rotel.wait().unwrap();
    let arrived = arrived();
    let ids: std::collections::BTreeSet<String> = arrived.iter().map(id).collect();
    assert_eq!((arrived.len(), ids.len()), (2000, 2000));
    let hung = arrived.iter().find(|record| record.severity_text == "FATAL").unwrap();
    assert_eq!(
        (hung.severity_number, hung.event_name.as_str()),
        (21, "forkwatch.orphaned_lock")
    );
    assert!(attribute(hung, "code.stacktrace").contains("look_up (/src/cache.c:9)"));
}

#[test]
fn sentry_finds_nothing_to_mend() {
    let python = match pythons::with_package("sentry-relay") {
        Ok(python) => python,
        Err(why) => return println!("skipped: no normaliser of Sentry's to ask: {why}"),
    };
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..20)).unwrap();
    // As the library writes it, with Python frames and threads.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/benches/unsafe_fork.jsonl");
    fs::copy(sample, place.log("b.jsonl")).unwrap();
    let events = output(&mut place.export("sentry", &["--severity", "info"]));
    fs::write(place.folder.path().join("events"), &events.stdout).unwrap();
    let script = "import json, sys\n\
        from sentry_relay.processing import StoreNormalizer\n\
        for line in open(sys.argv[1]):\n\
        \x20   print(json.dumps(StoreNormalizer(project_id=1).normalize_event(json.loads(line))))\n";
    let mut normaliser = command_at(&python.path, &["-c", script]);
    let normalised = normaliser.arg(place.folder.path().join("events")).output().unwrap();
    assert!(
        normalised.status.success(),
        "{}",
        String::from_utf8_lossy(&normalised.stderr)
    );
    let parse = |bytes: &[u8]| -> Vec<Value> {
        let text = std::str::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (before, after) = (parse(&events.stdout), parse(&normalised.stdout));
    assert_eq!((before.len(), after.len()), (21, 21));
    for (before, after) in before.iter().zip(&after) {
        assert!(after.get("errors").is_none_or(Value::is_null), "{after}");
        for field in ["event_id", "level", "fingerprint", "platform"] {
            assert_eq!(before[field], after[field], "{field}");
        }
        let frames = |event: &Value| {
            let frames = &event["exception"]["values"][0]["stacktrace"]["frames"];
            frames.as_array().map_or(0, Vec::len)
        };
        assert_eq!(frames(before), frames(after));
        let threads = |event: &Value| event["threads"]["values"].as_array().map_or(0, Vec::len);
        assert_eq!(threads(before), threads(after));
    }
}

#[test]
fn the_journal_takes_the_export_format() {
    if !Path::new(REMOTE).exists() {
        return println!("skipped: systemd-journal-remote is not installed");
    }
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..200)).unwrap();
    let exported = place.folder.path().join("entries");
    fs::write(&exported, output(&mut place.export("journald", &[])).stdout).unwrap();
    let journal = place.folder.path().join("out.journal");
    let taken = Command::new(REMOTE)
        .arg("-o")
        .args([&journal, &exported])
        .output()
        .unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let mut journalctl = Command::new("journalctl");
    journalctl.args(["--output", "cat", "--output-fields", "FORKWATCH_RECORD", "--file"]);
    let records = journalctl.arg(&journal).output().unwrap();
    // What the journal gives back is what was exported, as `forkwatch report` reads it.
    let back = place.folder.path().join("back.jsonl");
    fs::write(&back, &records.stdout).unwrap();
    let report = |path: &Path| {
        let output = output(forkwatch(&["report", "--format", "json", "--no-symbols"]).arg(path));
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["files"].take();
        report
    };
    assert_eq!(report(&back), report(&place.logs()));
}

/// A certificate of an authority of our own is taken where the user names it, and nowhere else.
#[test]
fn certificates_are_checked() {
    let place = Place::new();
    fs::write(place.log("a.jsonl"), numbers(0..3)).unwrap();
    let at = |name: &str| place.folder.path().join(name).display().to_string();
    fs::write(at("names"), "subjectAltName=DNS:localhost").unwrap();
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout own-key -out authority && \
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key -out request && \
        openssl x509 -req -in request -CA authority -CAkey own-key -CAcreateserial -days 2 -extfile names -out certificate";
    let made = command_at("sh", &["-c", script])
        .current_dir(place.folder.path())
        .output()
        .unwrap();
    if !made.status.success() {
        return println!("skipped: no certificate without openssl");
    }
    let Some(python) = pythons::all().last() else {
        return println!("skipped: no Python to serve HTTPS with");
    };
    let script = "import http.server, ssl, sys\n\
        class Receiver(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_POST(self):\n\
        \x20       self.rfile.read(int(self.headers['content-length']))\n\
        \x20       self.send_response(200); self.end_headers()\n\
        \x20   def log_message(self, *_): pass\n\
        server = http.server.HTTPServer(('localhost', 0), Receiver)\n\
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        context.load_cert_chain(sys.argv[2], sys.argv[1])\n\
        server.socket = context.wrap_socket(server.socket, server_side=True)\n\
        print(server.server_address[1], flush=True)\n\
        server.serve_forever()\n";
    let mut server = command_at(&python.path, &["-c", script, &at("key"), &at("certificate")]);
    let mut server = server.stderr(Stdio::null()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let to = format!("https://localhost:{}", port.trim());
    let mut trusting = place.send("otlp", &to, &[]);
    let trusted = said(&output(trusting.env("SSL_CERT_FILE", at("authority"))), 0);
    assert!(
        trusted.contains("3 records were exported to https://localhost:"),
        "{trusted}"
    );
    fs::remove_file(place.positions()).unwrap();
    let unknown = said(&output(&mut place.send("otlp", &to, &[])), 125);
    assert!(
        unknown.contains("certificate") && unknown.lines().count() <= 2,
        "{unknown}"
    );
    server.kill().unwrap();
    server.wait().unwrap();
}
