//! How findings are shown, and that nothing in a record can break out of it.

use forkwatch_schema::record::{Detail, Record};
use serde_json::Value;

use super::records::{line, lines, lock, orphaned_lock, unsafe_fork};
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
        "\"example\": ",
        "\"followed_by\": []",
        "\"advice\": [",
    ];
    let places: Vec<_> = keys
        .iter()
        .map(|key| text.find(key).unwrap_or_else(|| panic!("{key}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
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
