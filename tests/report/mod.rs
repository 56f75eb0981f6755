//! `forkwatch report` and `forkwatch explain`, as real processes on records that are made here.

mod browser;
mod formats;
mod page;
pub mod records;
mod schemas;
mod sql;
mod symbols;
mod workshop;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Call, Detail, Outcome, Record, Summary};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use tempfile::TempDir;

use self::records::{frame, line, lines, lock, orphaned_lock, outcome, record, unsafe_fork};
use crate::command::{COMMAND, command_at, forkwatch, run, stdout};

/// A folder with one log of these bytes.
fn log(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn report(options: &[&str], path: &Path) -> Output {
    run(forkwatch(&["report"]).args(options).arg(path))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(options: &[&str], path: &Path) -> Value {
    let output = report(&[&["--format", "json"], options].concat(), path);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
}

/// Fingerprint, severity, outcome and count of each finding, in their order.
fn reported(report: &Value) -> Vec<(u64, String, String, u64)> {
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let one = |finding: &Value| {
        let fingerprint = u64::from_str_radix(&word(finding, "fingerprint"), 16).unwrap();
        (
            fingerprint,
            word(finding, "severity"),
            word(finding, "outcome"),
            finding["count"].as_u64().unwrap(),
        )
    };
    report["findings"].as_array().unwrap().iter().map(one).collect()
}

fn finding(fingerprint: u64, severity: &str, outcome: &str, count: u64) -> (u64, String, String, u64) {
    (fingerprint, severity.into(), outcome.into(), count)
}

#[test]
fn children_raise_and_lower_what_their_parents_say() {
    let (_folder, path) = log(lines(&[
        unsafe_fork(1, 10, "1-a", vec![]),
        unsafe_fork(1, 10, "1-b", vec![]),
        orphaned_lock(2, "1-b"),
        unsafe_fork(3, 30, "3-a", vec![lock()]),
        outcome("3-a", Outcome::Exec),
        unsafe_fork(4, 40, "4-a", vec![]),
        outcome("4-a", Outcome::Exit),
        unsafe_fork(5, 50, "5-a", vec![]),
        unsafe_fork(5, 50, "5-b", vec![]),
        outcome("5-a", Outcome::Exec),
        // The same id on another host is another fork.
        Record {
            host: "node-2".into(),
            ..outcome("5-b", Outcome::Exec)
        },
    ]));
    let report = json(&[], &path);
    assert_eq!(
        reported(&report),
        [
            finding(1, "FATAL", "deadlock", 2),
            finding(2, "FATAL", "deadlock", 1),
            finding(5, "WARN", "unknown", 2),
            finding(4, "WARN", "exit", 1),
            finding(3, "INFO", "exec", 1),
        ]
    );
    assert_eq!(
        report["findings"][0]["followed_by"],
        serde_json::json!(["0000000000000002"])
    );
    assert_eq!(
        (&report["files"], &report["records"], &report["broken"]),
        (&1.into(), &11.into(), &0.into())
    );
    let text = stdout(&self::report(&[], &path));
    assert!(text.contains("FATAL unsafe_fork: what 1 says\n"), "{text}");
    assert!(
        text.contains("  Its child: FATAL orphaned_lock: what 2 says\n"),
        "{text}"
    );
    assert_eq!(text.matches("what 2 says").count(), 1, "{text}");
}

#[test]
fn folders_patterns_pipes_and_packed_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("a.jsonl"), line(&unsafe_fork(1, 1, "a", vec![]))).unwrap();
    fs::write(at("sub/4242"), line(&unsafe_fork(2, 2, "b", vec![]))).unwrap();
    fs::write(at("notes.txt"), "nothing of ours\n").unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(line(&unsafe_fork(3, 3, "c", vec![])).as_bytes())
        .unwrap();
    fs::write(at("c.log.gz"), gzip.finish().unwrap()).unwrap();
    let frames = [4, 5].map(|number| {
        let line = line(&unsafe_fork(number, 4, "d", vec![]));
        compress_to_vec(line.as_bytes(), CompressionLevel::Fastest)
    });
    fs::write(at("d.json.zst"), frames.concat()).unwrap();
    let whole = json(&[], folder.path());
    assert_eq!((whole["files"].as_u64(), whole["records"].as_u64()), (Some(4), Some(5)));
    assert_eq!(json(&[], &at("*.jsonl"))["records"], 1);

    let mut child = forkwatch(&["report", "--format=json", "-"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(line(&unsafe_fork(6, 6, "e", vec![])).as_bytes())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let piped: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reported(&piped), [finding(6, "WARN", "unknown", 1)]);
}

#[test]
fn what_has_no_end_is_refused_and_what_is_waited_for_is_named() {
    let (folder, path) = log(line(&unsafe_fork(1, 1, "a", vec![])));
    for option in ["", "--suppress", "--baseline"] {
        let words: Vec<&str> = ["report", option, "/dev/zero"]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let output = run(forkwatch(&words).arg(&path));
        assert_eq!(output.status.code(), Some(2), "{option}");
        let said = stderr(&output);
        assert!(
            said.contains("/dev/zero cannot be read: it is a device"),
            "{option}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{option}: {said}");
    }
    let zeros = fs::File::open("/dev/zero").unwrap();
    let output = run(forkwatch(&["report", "-"]).stdin(zeros));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("standard input cannot be read: it is a device"));

    let fifo = folder.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let mut child = forkwatch(&["report", "--format=json"]);
    let mut child = child.arg(&fifo).stdin(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    assert!(first.contains("fifo, a FIFO that nobody writes to yet"), "{first}");
    let mut writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    writer
        .write_all(line(&unsafe_fork(7, 7, "g", vec![lock()])).as_bytes())
        .unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reported(&read), [finding(7, "ERROR", "unknown", 1)]);
    assert!(said.next().is_none());

    let mut child = forkwatch(&["report", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    assert!(first.contains("waiting for standard input"), "{first}");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// Each with an example of 4 KB: they are read again when they are shown, and are never in memory together.
#[test]
fn a_report_of_very_many_findings_fits_into_little_memory() {
    let fork = |number: u64| {
        let mut record = unsafe_fork(number, 1, &format!("f{number}"), vec![lock()]);
        record.argv = Some(vec!["x".repeat(3000)]);
        line(&record)
    };
    let mut content = String::new();
    for number in 0..25_000 {
        content.push_str(&fork(number));
    }
    let (folder, path) = log(&content);
    for format in ["text", "html", "json", "sarif", "junit"] {
        let out = folder.path().join(format);
        // Kilobytes of address space; the records take 100,000, and threads reserve some for their stacks.
        let words = format!("ulimit -v 300000; exec \"$0\" report --format {format} --output \"$1\" \"$2\"");
        let output = run(command_at("sh", &["-c", &words]).arg(COMMAND).arg(&out).arg(&path));
        assert_eq!(
            (output.status.code(), stderr(&output)),
            (Some(0), String::new()),
            "{format}"
        );
        assert!(fs::metadata(&out).unwrap().len() > 1000, "{format}");
    }
    // What can be read only once goes through a file of its own.
    let words = "ulimit -v 300000; exec \"$0\" report --format json --limit 1 - <\"$1\"";
    let piped = words.replace("- <\"$1\"", "-").replace("exec", "cat \"$1\" | exec");
    for words in [words, &piped] {
        let output = run(command_at("sh", &["-c", words]).arg(COMMAND).arg(&path));
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(read["records"], 25_000);
        assert_eq!(read["findings"][0]["example"]["argv"][0].as_str().unwrap().len(), 3000);
        assert!(
            stderr(&output).contains("showing the worst 1 of 25,000 findings"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_report_shows_as_many_findings_as_are_asked_for() {
    let records: Vec<Record> = (1..=1100).map(|number| unsafe_fork(number, 1, "a", vec![])).collect();
    let (folder, path) = log(lines(&records));
    let out = folder.path().join("out");
    // Through a file: the whole text is more than a pipe takes.
    let shown = |options: &[&str]| {
        let output = run(forkwatch(&["report", "--output"]).arg(&out).args(options).arg(&path));
        (fs::read_to_string(&out).unwrap(), stderr(&output))
    };
    let json = |options: &[&str]| -> (usize, String) {
        let (text, said) = shown(&[&["--format=json"], options].concat());
        let read: Value = serde_json::from_str(&text).unwrap();
        (read["findings"].as_array().unwrap().len(), said)
    };
    let (text, _) = shown(&[]);
    assert_eq!(text.matches("unsafe_fork: what").count(), 1000);
    let more = "100 more findings, the least severe, are not shown. Use `--limit 0` to show all";
    assert!(text.contains(more), "{}", &text[text.len() - 300..]);
    for (options, expected) in [(&["--limit", "0"][..], 1100), (&["--limit=2"], 2)] {
        assert_eq!(shown(options).0.matches("unsafe_fork: what").count(), expected);
    }
    assert_eq!(shown(&["--format=html", "--limit=3"]).0.matches("<article").count(), 3);
    let said = "forkwatch: showing the worst 2 of 1,100 findings; --limit 0 shows all\n";
    assert_eq!(json(&["--limit=2"]), (2, said.to_owned()));
    assert_eq!(json(&[]), (1100, String::new()));
}

#[test]
fn a_report_is_not_written_over_its_own_records() {
    let (_folder, path) = log(line(&unsafe_fork(1, 1, "a", vec![])));
    let before = fs::read(&path).unwrap();
    let output = run(forkwatch(&["report", "--output"]).arg(&path).arg(&path));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("log.jsonl is also an input; name another file"),
        "{}",
        stderr(&output)
    );
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn missing_files_are_reported_and_the_others_read() {
    let (folder, path) = log(line(&unsafe_fork(1, 1, "a", vec![])));
    let gone = folder.path().join("gone.jsonl");
    let output = run(forkwatch(&["report", "--format=json"]).args([&gone, &path]));
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.starts_with("forkwatch: ") && said.lines().count() == 1, "{said}");
    assert!(said.contains("gone.jsonl does not exist"), "{said}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["records"], 1);
    // Where nothing at all was read, a report would be a false comfort.
    let nothing = run(forkwatch(&["report", "--format=junit"]).arg(&gone));
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(2), 0));
    let debug = gone.to_str().unwrap();
    let said = stderr(&report(&["--debug-dir", debug], &path));
    assert!(said.contains("gone.jsonl is not a directory"), "{said}");
}

/// Halves of characters, deep nesting, numbers out of range: what the record says is reported all the same.
#[test]
fn records_that_parsers_refuse_are_findings_too() {
    let known = line(&unsafe_fork(1, 1, "a", vec![]));
    let deep = format!("\"later\":{}{},\"advice\"", "[".repeat(500), "]".repeat(500));
    let records = [
        known.replace("what 1 says", "a\\ud800b"),
        known
            .replace("0000000000000001", "0000000000000002")
            .replace("\"advice\"", &deep),
        known
            .replace("0000000000000001", "0000000000000003")
            .replace("\"line\":1", "\"line\":1e400"),
        format!("\u{feff}{}", known.replace("0000000000000001", "0000000000000004")),
    ];
    let (_folder, path) = log(records.concat());
    let output = json(&[], &path);
    let mut findings: Vec<_> = output["findings"].as_array().unwrap().iter().collect();
    findings.sort_by_key(|finding| finding["fingerprint"].as_str());
    let messages: Vec<_> = findings.iter().map(|finding| &finding["example"]["message"]).collect();
    assert_eq!(
        messages,
        [
            &Value::from("a\u{fffd}b"),
            &Value::Null,
            &Value::Null,
            &Value::from("what 1 says")
        ]
    );
    let text = stdout(&report(&[], &path));
    assert_eq!(text.matches("unsafe_fork: what 1 says").count(), 3, "{text}");
}

#[test]
fn broken_lines_are_counted_placed_and_never_fatal() {
    let good = line(&unsafe_fork(1, 1, "a", vec![]));
    let mut content = good.clone().into_bytes();
    content.extend_from_slice(b"\n{\"kind\":\"no end\n\xff\xfe\x00\n[1,2]\n");
    content.extend(std::iter::repeat_n(b'x', 10 << 20));
    content.extend_from_slice(format!("\n{}{good}{}", &good[..300], &good[..250]).as_bytes());
    let (_folder, path) = log(&content);
    let output = report(&["--format", "json"], &path);
    assert_eq!(output.status.code(), Some(0));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The cut line with the next one glued to it is broken; the last one is still being written.
    assert_eq!((read["records"].as_u64(), read["broken"].as_u64()), (Some(1), Some(5)));
    let said = stderr(&output);
    for (line, why) in [
        (3, "not JSON"),
        (4, "not UTF-8"),
        (5, "not a forkwatch record"),
        (6, "too long"),
        (7, "not JSON"),
    ] {
        assert!(said.contains(&format!("log.jsonl:{line}: {why}")), "{line}: {said}");
    }
    let text = stdout(&report(&[], &path));
    assert!(text.starts_with("1 record in 1 file; 5 invalid lines\n"), "{text}");
}

#[test]
fn a_late_broken_line_is_reported_by_its_number_in_the_file() {
    let good = line(&unsafe_fork(1, 1, "a", vec![lock()]));
    let broken = 3_000_000 / good.len();
    let content = [good.repeat(broken - 1), "broken\n".to_owned(), good.repeat(100)].concat();
    let (_folder, path) = log(&content);
    let output = report(&["--format", "json"], &path);
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["findings"][0]["count"].as_u64(), u64::try_from(broken + 99).ok());
    let said = stderr(&output);
    assert!(said.contains(&format!("log.jsonl:{broken}: not JSON")), "{said}");
}

#[test]
fn other_writers_newer_schemas_and_unknown_kinds_are_read() {
    let known = line(&unsafe_fork(1, 1, "a", vec![]));
    let mut value: serde_json::Map<String, Value> = serde_json::from_str(&known).unwrap();
    value.insert("schema".into(), "forkwatch/2".into());
    value.insert("zebra".into(), 1.into());
    // The keys are now in the order of the alphabet.
    let newer = Value::Object(value).to_string();
    let unknown = r#"{"kind":"brand_new","fingerprint":"feed","schema":"forkwatch/2","message":"later","severity":"ERROR","time":"2027-01-01T00:00:00Z"}"#;
    let (_folder, path) = log(format!("{newer}\n{known}{unknown}\n"));
    let report = json(&[], &path);
    assert_eq!(
        reported(&report),
        [finding(0xfeed, "ERROR", "unknown", 1), finding(1, "WARN", "unknown", 2)]
    );
    assert_eq!(report["findings"][0]["kind"], "brand_new");
    assert_eq!(report["findings"][0]["example"]["message"], "later");
}

#[test]
fn records_and_findings_are_chosen() {
    let other = Record {
        time: "2026-11-01T00:00:00.000000000Z".into(),
        host: "web-7".into(),
        exe: "/opt/worker".into(),
        ..unsafe_fork(2, 2, "b", vec![])
    };
    let call = Detail::Call(Call {
        call: "pthread_create".into(),
        library: None,
        stack: vec![frame("start", "/src/c.c", 3)],
        python_stack: None,
    });
    let third = record(Kind::ThreadAfterFork, Severity::Warn, 3, call);
    let (folder, path) = log(lines(&[unsafe_fork(1, 1, "a", vec![lock()]), other, third]));
    let numbers = |options: &[&str]| -> Vec<u64> {
        let mut numbers: Vec<u64> = reported(&json(options, &path))
            .into_iter()
            .map(|(number, ..)| number)
            .collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers(&["--since", "2026-11-21T04:12:45.123456789+01:00"]), [1, 3]);
    assert_eq!(numbers(&["--host", "web-*"]), [2]);
    assert_eq!(numbers(&["--program", "shop"]), [1, 3]);
    assert_eq!(numbers(&["--program", "/opt/*"]), [2]);
    assert_eq!(numbers(&["--kind", "thread_after_fork"]), [3]);
    assert_eq!(
        numbers(&["--kind", "thread_after_fork", "--kind=unsafe_fork"]),
        [1, 2, 3]
    );
    let rules = folder.path().join("rules");
    fs::write(&rules, "# ours\nthread_after_fork:start\nlock:cache\nnonsense\n").unwrap();
    let output = report(&["--format", "json", "--suppress", rules.to_str().unwrap()], &path);
    let said = stderr(&output);
    assert!(said.contains("rules:4: 'nonsense' is not a rule"), "{said}");
    let suppressed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut left = reported(&suppressed);
    left.sort();
    // The lock that counts no more was all that made an error of it.
    assert_eq!(
        left,
        [finding(1, "WARN", "unknown", 1), finding(2, "WARN", "unknown", 1)]
    );
    let wrong = report(&["--since", "soon"], &path);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("--since soon: invalid time"));
}

#[test]
fn what_is_left_out_is_said() {
    let call = Detail::Call(Call {
        call: "pthread_create".into(),
        library: None,
        stack: vec![frame("start", "/src/c.c", 3)],
        python_stack: None,
    });
    let call = record(Kind::ThreadAfterFork, Severity::Warn, 2, call);
    let (_folder, path) = log(lines(&[unsafe_fork(1, 1, "a", vec![lock()]), call]));
    let says = |options: &[&str], words: &str| {
        let output = report(options, &path);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = format!("{}{}", stdout(&output), stderr(&output));
        assert!(text.contains(words), "{words} in {text}");
    };
    says(
        &["--since", "2030-01-01"],
        "2 records in 1 file; none of them is selected by --since 2030-01-01\nNo findings",
    );
    says(
        &["--host", "nobody", "--program", "shop", "--format", "json"],
        "no findings are shown: 2 records; none of them is selected by --host nobody, --program shop",
    );
    says(
        &["--kind", "stuck_child"],
        "No findings; 2 others are left out by --kind",
    );
    says(
        &["--kind", "stuck_child", "--format", "markdown"],
        "no findings are shown: 2 others are left out by --kind",
    );
    says(&["--kind", "unsafe_fork"], "1 ERROR; 1 other is left out by --kind");
    let wrong = report(&["--kind", "unsafe_frok"], &path);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(
        stdout(&wrong).is_empty() && stderr(&wrong).contains("the nearest is 'unsafe_fork'"),
        "{wrong:?}"
    );
}

#[test]
fn a_baseline_leaves_only_what_is_new() {
    let (folder, path) = log(line(&unsafe_fork(1, 1, "a", vec![lock()])));
    let known = folder.path().join("known");
    let known = known.to_str().unwrap();
    let written = report(&["--format", "json", "--output", known], &path);
    assert!(written.stdout.is_empty());
    assert_eq!(
        report(&["--baseline", known, "--fail-on", "error"], &path)
            .status
            .code(),
        Some(0)
    );
    assert_eq!(report(&["--fail-on", "error"], &path).status.code(), Some(1));
    assert_eq!(report(&["--fail-on", "FATAL"], &path).status.code(), Some(0));
    fs::write(
        &path,
        lines(&[unsafe_fork(1, 1, "a", vec![]), unsafe_fork(2, 2, "b", vec![])]),
    )
    .unwrap();
    assert_eq!(
        reported(&json(&["--baseline", known], &path)),
        [finding(2, "WARN", "unknown", 1)]
    );
    let refused = report(&["--baseline", path.to_str().unwrap()], &path);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("is not the output of `forkwatch report --format json`"));
}

#[test]
fn generated_rules_suppress_what_they_were_made_from() {
    let (folder, path) = log(lines(&[unsafe_fork(1, 1, "a", vec![]), orphaned_lock(2, "x")]));
    let rules = stdout(&report(&["--gen-suppressions"], &path));
    assert!(
        rules.contains(
            "# 0000000000000001 WARN unsafe_fork: what 1 says\n# at send (shop.c:1)\nfingerprint:0000000000000001"
        ),
        "{rules}"
    );
    let lock = "# at look_up (cache.c:9)\n# the mutex \"cache\" of thread \"keeper\", taken in fill (cache.c:5)\n";
    assert!(
        rules.contains(&format!("{lock}fingerprint:0000000000000002\n")),
        "{rules}"
    );
    let file = folder.path().join("rules");
    fs::write(&file, rules).unwrap();
    let text = stdout(&report(&["--suppress", file.to_str().unwrap()], &path));
    assert!(text.ends_with("No findings; 2 others are suppressed"), "{text}");
    // Nothing else, not even a fork in the same function.
    fs::write(
        &path,
        lines(&[unsafe_fork(1, 1, "a", vec![]), unsafe_fork(3, 2, "b", vec![])]),
    )
    .unwrap();
    let left = json(&["--suppress", file.to_str().unwrap()], &path);
    assert_eq!(reported(&left), [finding(3, "WARN", "unknown", 1)]);
}

#[test]
fn repeats_that_only_a_summary_counts_are_added() {
    let summary = Summary {
        repeated: 41,
        by_kind: [("unsafe_fork".to_owned(), 1)].into(),
        ..Summary::default()
    };
    let summary = record(Kind::Summary, Severity::Info, 99, Detail::Summary(summary));
    let (_folder, path) = log(lines(&[unsafe_fork(1, 1, "a", vec![]), summary]));
    assert_eq!(reported(&json(&[], &path)), [finding(1, "WARN", "unknown", 42)]);
    assert_eq!(reported(&json(&["--kind", "summary"], &path)).len(), 1);
}

#[test]
fn explain_shows_kinds_and_findings() {
    let list = stdout(&run(&mut forkwatch(&["explain"])));
    assert!(
        list.starts_with("unsafe_fork\n    A process with several threads forked"),
        "{list}"
    );
    let page = stdout(&run(&mut forkwatch(&["explain", "orphaned_lock"])));
    assert!(page.contains("How to fix it:\n  C, C++\n"), "{page}");
    let (_folder, path) = log(line(&unsafe_fork(0xabcd_ef01_2345_6789, 7, "a", vec![lock()])));
    let one = stdout(&run(forkwatch(&["explain", "abcdef01"]).arg(&path)));
    assert!(one.starts_with("ERROR unsafe_fork: what "), "{one}");
    assert!(
        one.contains("#0 fill  /src/cache.c:5\n") && one.contains("A program that has this fault:"),
        "{one}"
    );
    let said = crate::command::refusal(&mut forkwatch(&["explain", "orphaned_lok"]), 2);
    assert!(said.contains("'orphaned_lock'"), "{said}");
    crate::command::refusal(forkwatch(&["explain", "0000"]).arg(&path), 2);
}
