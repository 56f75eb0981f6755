//! How findings are shown, and that nothing in a record can break out of it.

use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::{Detail, Frame, Lock, LockKind, PythonFrame, Record};
use serde_json::Value;

use super::records::{frame, line, lines, lock, orphaned_lock, unsafe_fork};
use super::{log, report};
use crate::command::stdout;

#[test]
fn the_json_has_its_keys_in_their_order_and_the_example_as_it_was() {
    let first = unsafe_fork(1, 10, "1-a", vec![lock()]);
    let later = Record {
        time: "2026-11-22T00:00:00.000000001Z".into(),
        host: "node-2".into(),
        exe: "/srv/other".into(),
        ..unsafe_fork(1, 10, "1-b", vec![lock()])
    };
    let (_folder, path) = log(lines(&[later, first.clone()]));
    let text = stdout(&report(&["--format", "json"], &path));
    let keys = [
        "\"files\": 1",
        "\"records\": 2",
        "\"broken\": 0",
        "\"findings\"",
        "\"fingerprint\": \"0000000000000001\"",
        "\"kind\": \"unsafe_fork\"",
        "\"severity\": \"ERROR\"",
        "\"count\": 2",
        "\"hosts\": 2",
        "\"programs\": 2",
        "\"first\": \"2026-11-21T03:12:45.123456789Z\"",
        "\"last\": \"2026-11-22T00:00:00.000000001Z\"",
        "\"outcome\": \"unknown\"",
        "\"locks\": [",
        "\"id\": \"00000000000000a1\"",
        "\"kind\": \"mutex\"",
        "\"name\": \"cache\"",
        "\"owner\": \"keeper\"",
        "\"taken\": \"fill (cache.c:5)\"",
        "\"held\": 2",
        "\"predicted\": 0",
        "\"hung\": 0",
        "\"example\": ",
        "\"followed_by\": []",
        "\"advice\": [",
    ];
    let mut place = 0;
    for key in keys {
        let found = text[place..].find(key);
        place += found.unwrap_or_else(|| panic!("{key} in its place: {text}")) + key.len();
    }
    assert!(text.contains(line(&first).trim_end()), "{text}");
}

#[test]
fn the_text_shows_the_fork_the_lock_and_the_child() {
    let (_folder, path) = log(lines(&[unsafe_fork(1, 10, "a", vec![lock()]), orphaned_lock(2, "a")]));
    let text = stdout(&report(&[], &path));
    let expected = r#"2 records in 1 file
2 findings: 2 FATAL

FATAL unsafe_fork: what 1 says
  1 time on 1 host in 1 program, at 2026-11-21T03:12:45Z, a child hangs;
  fingerprint 0000000000000001

  fork() called by thread "main" (tid 42) of /srv/shop, child pid 50
    #0 send  /src/shop.c:10

  Thread "keeper" (tid 43) holds the mutex "cache"
    now running
    runs keep; its creation was not seen

  Lock: mutex "cache" at 0x10, held by thread "keeper" (tid 43)
    taken at:
      #0 fill  /src/cache.c:5
    the holder is now running

       held predicted      hung  lock
          1         0         1  the mutex "cache" of thread "keeper", taken in fill (cache.c:5)

  Its child: FATAL orphaned_lock: what 2 says
    1 time on 1 host in 1 program, at 2026-11-21T03:12:45Z, a child hangs;
    fingerprint 0000000000000002

    pthread_mutex_lock called by thread "main" of /srv/shop in a forked child (pid 50)
      #0 look_up  /src/cache.c:9

    Lock: mutex "cache" at 0x10, held at the fork by thread "keeper" (tid 43)
      taken at:
        #0 fill  /src/cache.c:5

  What to do:
    fork before"#;
    assert_eq!(text, expected);
}

/// A lock of its own id, held by a thread of this name.
fn other_lock(id: &str, owner: &str) -> Lock {
    Lock {
        id: Some(id.into()),
        name: None,
        owner: Some(owner.into()),
        acquired_stack: vec![frame("refill", "/src/store.c", 8)],
        ..lock()
    }
}

/// Native frames of a Python lock say nothing; the line of its `with` statement does.
#[test]
fn a_python_lock_is_placed_by_the_line_that_took_it() {
    let door = Lock {
        kind: LockKind::Semaphore,
        name: Some("self.door".into()),
        acquired_stack: vec![Frame {
            file: None,
            line: None,
            ..frame("PyThread_acquire_lock_timed", "", 1)
        }],
        acquired_python_stack: Some(vec![PythonFrame {
            function: "Vault.open".into(),
            file: "/srv/vault.py".into(),
            line: 51,
        }]),
        ..lock()
    };
    let (_folder, path) = log(lines(&[unsafe_fork(1, 10, "a", vec![door])]));
    for (format, expected) in [
        ("text", "taken in Vault.open (vault.py:51)"),
        ("html", "<td data-heading=\"Taken\">Vault.open (vault.py:51)</td>"),
        ("html", ": taken at <b>Vault.open (vault.py:51)</b>"),
        ("html", " taken at Vault.open (vault.py:51)</title>"),
    ] {
        let shown = stdout(&report(&["--format", format], &path));
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
}

/// Forks of one line under different locks; one of them hung two children and one try failed, another is held together with it,
/// and a child met one that no parent saw.
fn one_line_and_its_locks() -> Vec<Record> {
    let met = |fork_id: &str, id: &str| {
        let mut record = orphaned_lock(u64::from_str_radix(id, 16).unwrap(), fork_id);
        let Detail::OrphanedLock(detail) = &mut record.detail else {
            unreachable!()
        };
        detail.lock.id = Some(id.into());
        record
    };
    let tried = Record {
        severity: Severity::Error,
        ..met("d", "00000000000000a1")
    };
    vec![
        unsafe_fork(1, 10, "a", vec![]),
        unsafe_fork(1, 10, "b", vec![lock()]),
        unsafe_fork(1, 10, "c", vec![other_lock("00000000000000b2", "filler"), lock()]),
        unsafe_fork(1, 10, "d", vec![lock(), lock()]),
        met("b", "00000000000000a1"),
        met("c", "00000000000000a1"),
        tried,
        met("a", "00000000000000c3"),
    ]
}

#[test]
fn the_locks_of_a_line_are_a_table_in_its_finding() {
    let (_folder, path) = log(lines(&one_line_and_its_locks()));
    let shown = |format: &str| stdout(&report(&["--format", format], &path));
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let of = |finding: &Value| -> Vec<(String, u64, u64)> {
        let rows = finding["locks"].as_array().unwrap().iter();
        let count = |row: &Value, key: &str| row[key].as_u64().unwrap();
        rows.map(|row| {
            (
                row["id"].as_str().unwrap().to_owned(),
                count(row, "held"),
                count(row, "hung"),
            )
        })
        .collect()
    };
    let row = |id: &str, held, hung| (id.to_owned(), held, hung);
    let expected = [
        row("00000000000000a1", 3, 2),
        row("00000000000000c3", 0, 1),
        row("00000000000000b2", 1, 0),
    ];
    let forks: Vec<&Value> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["kind"] == "unsafe_fork")
        .collect();
    assert_eq!(forks.len(), 1, "{json}");
    assert_eq!(of(forks[0]), expected);
    assert_eq!(forks[0]["locks"][2]["owner"], "filler");
    assert_eq!(forks[0]["locks"][2]["taken"], "refill (store.c:8)");
    let sarif: Value = serde_json::from_str(&shown("sarif")).unwrap();
    let result = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|result| result["ruleId"] == "unsafe_fork")
        .unwrap();
    assert_eq!(of(&result["properties"]), expected);
    assert_eq!(result["relatedLocations"].as_array().unwrap().len(), 3);
    for format in ["text", "markdown", "junit"] {
        let text = shown(format).replace("&quot;", "\"");
        for line in [
            "          3         0         2  the mutex \"cache\" of thread \"keeper\", taken in fill (cache.c:5)",
            "          0         0         1  the mutex \"cache\"",
            "          1         0         0  a mutex of thread \"filler\", taken in refill (store.c:8)",
        ] {
            assert!(text.contains(line), "{format}: {line}: {text}");
        }
    }
    let github = shown("github");
    assert!(
        github.contains(
            "%0ALock: a mutex of thread \"filler\", taken in refill (store.c:8) (held 1, predicted 0, hung 0)"
        ),
        "{github}"
    );
    let html = shown("html").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        html.contains(
            "<td data-heading=\"Lock\">a mutex</td><td data-heading=\"Holder\">filler</td>\
             <td data-heading=\"Taken\">refill (store.c:8)</td><td class=\"number\" data-heading=\"held\">1</td>"
        ),
        "{html}"
    );
}

#[test]
fn a_lock_that_a_rule_calls_harmless_is_in_no_table() {
    let (folder, path) = log(lines(&one_line_and_its_locks()));
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "lock:refill\n").unwrap();
    let text = stdout(&report(&["--suppress", rules.to_str().unwrap()], &path));
    assert!(
        text.contains("  3         0         2  the mutex") && !text.contains("filler"),
        "{text}"
    );
}

#[test]
fn forks_under_the_same_lock_stand_together() {
    let (_folder, path) = log(lines(&[
        unsafe_fork(1, 1, "a", vec![lock()]),
        unsafe_fork(2, 2, "b", vec![]),
        unsafe_fork(3, 3, "c", vec![lock()]),
    ]));
    let text = stdout(&report(&[], &path));
    let alike = "The same lock, taken at the same place, was held at other forks:\n    ERROR send (shop.c:3): 1 time";
    assert!(text.contains(alike), "{text}");
    assert_eq!(text.matches("\nERROR unsafe_fork").count(), 1, "{text}");
}

/// A record in which every text that a program chooses is hostile.
pub fn hostile(fingerprint: u64) -> Record {
    const TEXT: &str = "</pre>\"><script>x</script>\u{1b}[2J\u{202e}]]>|`@you`\r\n::error::x %0A\u{0}";
    let mut record = unsafe_fork(fingerprint, 1, "a", vec![lock()]);
    (record.message, record.thread, record.context) = (TEXT.into(), TEXT.into(), Some(TEXT.into()));
    (record.host, record.exe, record.service) = (TEXT.into(), TEXT.into(), TEXT.into());
    (record.argv, record.truncated) = (Some(vec![TEXT.into()]), vec![TEXT.into()]);
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    detail.advice = vec![TEXT.into()];
    detail.fork.function = TEXT.into();
    detail.threads[0].name = TEXT.into();
    detail.locks[0].name = Some(TEXT.into());
    detail.fork.stack[0].symbol = Some(TEXT.into());
    detail.fork.stack[0].file = Some(TEXT.into());
    record
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    let (_folder, path) = log(line(&hostile(1)));
    for format in ["text", "live", "html", "markdown", "sarif", "junit", "github", "json"] {
        let text = String::from_utf8(report(&["--format", format], &path).stdout).unwrap();
        assert!(
            !text.contains('\u{1b}') && !text.contains('\r') && !text.contains('\0'),
            "{format}: {text}"
        );
        assert!(!text.contains('\u{202e}'), "{format}: {text}");
    }
    let markdown = stdout(&report(&["--format", "markdown"], &path));
    assert_eq!(markdown.matches("</pre>").count(), 1, "{markdown}");
    assert!(!markdown.contains("<script"), "{markdown}");
    let (table, _) = markdown.split_once("<details>").unwrap();
    let table = table.replace("<code>", "").replace("</code>", "");
    assert!(!table.contains(['`', '@', '<']), "{table}");
    let github = stdout(&report(&["--format", "github"], &path));
    assert_eq!(github.lines().count(), 1, "{github}");
    assert!(
        github.starts_with("::error file=") && github.contains("%250A"),
        "{github}"
    );
    let junit = stdout(&report(&["--format", "junit"], &path));
    assert!(!junit.contains("<script") && junit.contains("&lt;script"), "{junit}");
    assert!(
        junit.contains("<testsuite name=\"forkwatch\" tests=\"1\" failures=\"1\" errors=\"0\">"),
        "{junit}"
    );
}

#[test]
fn a_comment_has_room_for_thousands_of_findings() {
    let records: Vec<Record> = (1..3000).map(hostile).collect();
    let (_folder, path) = log(lines(&records));
    let markdown = stdout(&report(&["--format", "markdown"], &path));
    assert!(markdown.len() < 65_000, "{}", markdown.len());
    assert!(markdown.starts_with("### forkwatch: 2,999 findings (2,999 ERROR)\n"));
    assert!(
        markdown.ends_with("`--format text --limit 0` shows them all."),
        "{}",
        &markdown[markdown.len() - 200..]
    );
}

#[test]
fn a_child_is_shown_though_its_parent_is_only_one_line_more() {
    let (_folder, path) = log(lines(&[
        unsafe_fork(1, 1, "a", vec![lock()]),
        orphaned_lock(2, "a"),
        unsafe_fork(3, 3, "b", vec![lock()]),
        orphaned_lock(4, "b"),
    ]));
    let text = stdout(&report(&[], &path));
    assert!(
        text.contains("  Its child: FATAL orphaned_lock: what 2 says\n"),
        "{text}"
    );
    assert!(text.contains("\nFATAL orphaned_lock: what 4 says\n"), "{text}");
    assert_eq!(text.matches("what 2 says").count(), 1, "{text}");
}

#[test]
fn sarif_has_rules_places_and_fingerprints() {
    let (_folder, path) = log(line(&unsafe_fork(1, 7, "a", vec![lock()])));
    let sarif: Value = serde_json::from_slice(&report(&["--format", "sarif"], &path).stdout).unwrap();
    assert_eq!(
        (&sarif["version"], &sarif["$schema"]),
        (&"2.1.0".into(), &"https://json.schemastore.org/sarif-2.1.0.json".into())
    );
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    assert_eq!(
        (&result["level"], &result["ruleId"]),
        (&"error".into(), &"unsafe_fork".into())
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "file:///src/shop.c");
    assert_eq!(place["region"]["startLine"], 7);
    let owner = &result["relatedLocations"][0];
    assert_eq!(
        owner["physicalLocation"]["artifactLocation"]["uri"],
        "file:///src/cache.c"
    );
    assert_eq!(owner["message"]["text"], "mutex taken here by keeper");
    assert_eq!(result["partialFingerprints"]["forkwatch/v1"], "0000000000000001");
}
