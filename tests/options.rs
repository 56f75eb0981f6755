//! The options other than strictness, and the form of records and text.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::{Frame, Record, UnsafeFork};

use crate::support::judge::names;
use crate::support::library::library;
use crate::support::process::{End, Folder, run};
use crate::support::program::{Language, Program};
use crate::support::records;
use crate::support::ways::{Watched, watch, watch_in};

pub fn ready(name: &str) -> Program {
    Program::ready(Language::C, name).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Watches a C program: `NAME ARGUMENTS...`.
pub fn watched(line: &str, options: &[(&str, &str)]) -> Watched {
    let words = words(line);
    let program = ready(&words[0]);
    watch(&program, &program.starts[0], &words[1..], options)
}

/// The program's only finding.
pub fn only_fork(watched: &Watched) -> (&Record, &UnsafeFork) {
    let reported = watched.of(Kind::UnsafeFork);
    assert_eq!(reported.len(), 1, "{watched:?}");
    (
        reported[0].record.as_ref().expect("its fields are known"),
        reported[0].unsafe_fork().expect("its fields are known"),
    )
}

/// How many lines of the text hold this.
pub fn reported(text: &str, what: &str) -> usize {
    text.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn an_unknown_name_and_a_bad_value_are_reported_once() {
    let options = [
        ("FORKWATCH_STRIKT", "1"),
        ("FORKWATCH_DEPTH", "many"),
        ("FORKWATCH_ACTION", "abrot"),
        ("FORKWATCH_TEXT", "stderr"),
    ];
    let watched = watched("unsafe_fork_two_places", &options);
    let stderr = &watched.run.stderr;
    assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
    for (wrong, right) in [
        ("FORKWATCH_STRIKT", "FORKWATCH_STRICT"),
        ("FORKWATCH_DEPTH=many", "16"),
        ("FORKWATCH_ACTION=abrot", "abort"),
    ] {
        assert_eq!(reported(stderr, wrong), 1, "{wrong} in {stderr}");
        let line = stderr.lines().find(|line| line.contains(wrong)).unwrap_or_default();
        assert!(line.starts_with("forkwatch: ") && line.contains(right), "{line}");
    }
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 2, "the defaults hold");
}

#[test]
fn only_the_programs_that_are_wanted_are_watched() {
    for (value, findings) in [
        ("unsafe_fork*", 2),
        ("*,!git", 2),
        ("!git", 2),
        ("python*", 0),
        ("*,!unsafe_fork_two*", 0),
        ("", 0),
    ] {
        let options = [
            ("FORKWATCH_PROGRAMS", value),
            ("FORKWATCH_TEXT", "stderr"),
            ("FORKWATCH_STRIKT", "1"),
        ];
        let watched = watched("unsafe_fork_two_places", &options);
        assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
        assert_eq!(watched.of(Kind::UnsafeFork).len(), findings, "{value}");
        let is_watched = findings > 0;
        assert_eq!(
            !watched.run.stderr.is_empty(),
            is_watched,
            "{value}: {}",
            watched.run.stderr
        );
        assert_eq!(!watched.lines().is_empty(), is_watched, "{value}: {watched:?}");
    }
    let watched = watched(
        "unsafe_fork_two_places",
        &[("FORKWATCH_PROGRAMS", "["), ("FORKWATCH_TEXT", "stderr")],
    );
    assert_eq!(
        reported(&watched.run.stderr, "FORKWATCH_PROGRAMS=[: '[' is no valid glob"),
        1,
        "{watched:?}"
    );
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 2, "all are watched");
}

#[test]
fn good_options_are_not_reported() {
    let options = [
        ("FORKWATCH_STRICT", "off"),
        ("FORKWATCH_ACTION", "exit:3"),
        ("FORKWATCH_FORMAT", "full"),
        ("FORKWATCH_PROGRAMS", "*,!git"),
        ("FORKWATCH_STACKS", "full"),
        ("FORKWATCH_DEPTH", "64"),
        ("FORKWATCH_REPEAT", "first"),
        ("FORKWATCH_CONTEXT", "any"),
        ("FORKWATCH_SYMBOLS", "quick"),
        ("FORKWATCH_SERVICE", "any"),
        ("FORKWATCH_PYTHON", "on"),
        ("FORKWATCH_ARGV", "on"),
        ("FORKWATCH_TEXT", "stderr"),
    ];
    let watched = watched("silent_single_thread", &options);
    assert_eq!(watched.run.stderr, "", "{watched:?}");
}

#[test]
fn context_is_copied_and_can_be_changed() {
    let watched = watched("unsafe_fork_context", &[("FORKWATCH_CONTEXT", "build 7")]);
    let contexts: Vec<_> = watched
        .of(Kind::UnsafeFork)
        .iter()
        .map(|line| line.record.as_ref().expect("known").context.clone())
        .collect();
    assert_eq!(contexts.len(), 2, "{watched:?}");
    assert_eq!(contexts[0].as_deref(), Some("build 7"));
    let second = contexts[1].as_deref().unwrap_or_default();
    assert!(
        second.starts_with("test \"two\"") && !second.contains("xxx"),
        "{second:?}"
    );
    let without = self::watched("unsafe_fork_two_places", &[]);
    assert!(
        without
            .lines()
            .iter()
            .all(|line| line.record.as_ref().is_some_and(|record| record.context.is_none()))
    );
}

#[test]
fn the_service_has_a_name() {
    for (options, name) in [
        (
            vec![("FORKWATCH_SERVICE", "shop"), ("OTEL_SERVICE_NAME", "other")],
            "shop",
        ),
        (vec![("OTEL_SERVICE_NAME", "other")], "other"),
        (vec![], "unsafe_fork_two_places"),
    ] {
        let watched = watched("unsafe_fork_two_places", &options);
        assert!(
            watched
                .lines()
                .iter()
                .all(|line| line.record.as_ref().is_some_and(|record| record.service == name))
        );
        assert!(!watched.lines().is_empty());
    }
}

#[test]
fn the_log_has_a_pattern() {
    let folder = Folder::new("pattern");
    let pattern = folder.join("%e-%p-%h-%%.log").display().to_string();
    let program = ready("unsafe_fork_in_child");
    let watched = watch_in(
        &folder,
        &program,
        &program.starts[0],
        &[],
        &[("FORKWATCH_LOG", pattern.as_str())],
    );
    assert_eq!(watched.run.end, End::Exit(3), "{watched:?}");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.path()).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_some_and(|extension| extension == "log") {
            for line in records::read(&path).expect("the records are sound") {
                let record = line.record.clone().expect("its fields are known");
                let name = format!("unsafe_fork_in_child-{}-{}-%.log", record.pid, record.host);
                assert_eq!(path, folder.join(&name), "{}", line.text);
                found.push(line);
            }
        }
    }
    assert!(found.iter().any(|line| line.kind == Kind::UnsafeFork), "{watched:?}");
}

#[test]
fn the_log_may_be_a_descriptor() {
    let folder = Folder::new("descriptor");
    let program = ready("unsafe_fork_two_places");
    let (log, direct) = (folder.join("records"), program.starts[0].command(&[]));
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 9>>\"$0\"; exec env LD_PRELOAD=\"$1\" \"$2\""]);
    shell.arg(&log).arg(library()).arg(direct.get_program());
    let variables = [("FORKWATCH_LOG", "fd:9"), ("FORKWATCH_TEXT", "off")];
    let variables = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let run = run(&mut shell, &variables, &folder);
    assert_eq!((run.end, run.stderr), (End::Exit(0), String::new()));
    let lines = records::read(&log).expect("the records are sound");
    assert_eq!(lines.iter().filter(|line| line.kind == Kind::UnsafeFork).count(), 2);
}

#[test]
fn a_log_that_cannot_be_written_is_reported_once() {
    for place in ["/nowhere/at/all/log", "/", "fd:97"] {
        let watched = watched(
            "unsafe_fork_two_places",
            &[("FORKWATCH_LOG", place), ("FORKWATCH_TEXT", "off")],
        );
        assert_eq!(watched.run.end, End::Exit(0), "{place}: {watched:?}");
        let about: Vec<_> = watched.run.stderr.lines().collect();
        assert_eq!(about.len(), 1, "{place}: {watched:?}");
        assert!(
            about[0].starts_with("forkwatch: ") && about[0].contains(place),
            "{place}: {watched:?}"
        );
    }
}

#[test]
fn the_log_is_private_and_no_link_is_followed() {
    let folder = Folder::new("log");
    let program = ready("unsafe_fork_two_places");
    let watched = watch_in(&folder, &program, &program.starts[0], &[], &[]);
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 2);
    let mode = fs::metadata(folder.join("log"))
        .expect("the log is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "mode {mode:o}");
    fs::write(folder.join("precious"), "").expect("a file can be written");
    symlink(folder.join("precious"), folder.join("link")).expect("a link can be made");
    let link = folder.join("link").display().to_string();
    let watched = watch_in(
        &folder,
        &program,
        &program.starts[0],
        &[],
        &[("FORKWATCH_LOG", link.as_str())],
    );
    assert_eq!(watched.run.end, End::Exit(0));
    assert_eq!(fs::read_to_string(folder.join("precious")).expect("it is there"), "");
}

/// All stacks of a finding.
fn stacks(fork: &UnsafeFork) -> Vec<&[Frame]> {
    let created = fork.threads.iter().filter_map(|thread| thread.created_stack.as_deref());
    let acquired = fork.locks.iter().map(|lock| &lock.acquired_stack[..]);
    created.chain(acquired).chain([&fork.fork.stack[..]]).collect()
}

#[test]
fn the_depth_bounds_every_stack() {
    for (depth, most) in [("4", 4), ("1", 1), ("16", 16), ("64", 64)] {
        let watched = watched("unsafe_fork_deep_stack", &[("FORKWATCH_DEPTH", depth)]);
        let (_, fork) = only_fork(&watched);
        assert!(
            stacks(fork).iter().all(|stack| stack.len() <= most),
            "{depth}: {fork:?}"
        );
        assert_eq!(fork.locks[0].acquired_stack.len(), most, "{fork:?}");
        assert_eq!(
            fork.threads[0].created_stack.as_ref().map(Vec::len),
            Some(most),
            "{fork:?}"
        );
    }
}

#[test]
fn acquisition_stacks_can_be_short_or_left_out() {
    let full = watched("unsafe_fork_mutex plain lock", &[]);
    assert!(only_fork(&full).1.locks[0].acquired_stack.len() > 1, "{full:?}");
    let caller = watched("unsafe_fork_mutex plain lock", &[("FORKWATCH_STACKS", "caller")]);
    let lock = &only_fork(&caller).1.locks[0];
    assert!(
        lock.acquired_stack.len() == 1 && names(&lock.acquired_stack, "vault_open"),
        "{caller:?}"
    );
    let off = watched("unsafe_fork_mutex plain lock", &[("FORKWATCH_STACKS", "off")]);
    let lock = &only_fork(&off).1.locks[0];
    assert!(
        lock.acquired_stack.is_empty() && lock.owner.as_deref() == Some("keeper"),
        "{off:?}"
    );
}

#[test]
fn frames_are_named_as_far_as_is_wanted() {
    let full = watched("unsafe_fork_mutex plain lock", &[]);
    let frames = |watched: &Watched| only_fork(watched).1.locks[0].acquired_stack.clone();
    for frame in frames(&full) {
        assert!(frame.ip.starts_with("0x"), "{frame:?}");
        let module = frame.module.as_deref().expect("every frame lies in a file");
        assert!(
            frame.offset.as_deref().is_some_and(|offset| offset.starts_with("0x")),
            "{frame:?}"
        );
        assert!(module.starts_with('/') && frame.build_id.is_some(), "{frame:?}");
    }
    let full = frames(&full);
    let vault = full
        .iter()
        .find(|frame| frame.symbol.as_deref() == Some("vault_open"))
        .expect("it is named");
    assert!(
        vault
            .file
            .as_deref()
            .is_some_and(|file| file.ends_with("unsafe_fork_mutex.c")),
        "{vault:?}"
    );
    let source = include_str!("programs/c/unsafe_fork_mutex.c");
    let line = source
        .lines()
        .position(|line| line.contains("MUST(pthread_mutex_lock(&vault))"))
        .expect("it is there");
    assert_eq!(vault.line, u32::try_from(line + 1).ok(), "{vault:?}");
    let plain = frames(&watched(
        "unsafe_fork_mutex plain lock",
        &[("FORKWATCH_SYMBOLS", "names")],
    ));
    assert!(
        names(&plain, "vault_open") && plain.iter().all(|frame| frame.line.is_none()),
        "{plain:?}"
    );
    let bare = frames(&watched(
        "unsafe_fork_mutex plain lock",
        &[("FORKWATCH_SYMBOLS", "off")],
    ));
    assert!(
        bare.iter()
            .all(|frame| frame.symbol.is_none() && frame.offset.is_some()),
        "{bare:?}"
    );
}

#[test]
fn the_command_line_can_be_left_out() {
    let with = watched("unsafe_fork_mutex plain lock", &[]);
    let argv = only_fork(&with).0.argv.clone().expect("it is there");
    assert_eq!(argv[1..], ["plain", "lock"]);
    let without = watched("unsafe_fork_mutex plain lock", &[("FORKWATCH_ARGV", "off")]);
    assert!(
        without
            .lines()
            .iter()
            .all(|line| line.record.as_ref().is_some_and(|record| record.argv.is_none()))
    );
}

#[test]
fn records_have_an_upper_bound() {
    let watched = watched("unsafe_fork_many_threads", &[]);
    let (record, fork) = only_fork(&watched);
    assert!(!record.truncated.is_empty(), "400 threads with 400 locks do not fit");
    assert!(
        fork.threads.len() > 10 && fork.locks.len() > 10,
        "but many do: {} {}",
        fork.threads.len(),
        fork.locks.len()
    );
    assert!(
        record.message.contains("400"),
        "what is cut is counted: {}",
        record.message
    );
}

/// Written again from the schema, a line is the same: every key is known, and all stand in the contract's order.
#[test]
fn keys_stand_in_the_contracts_order() {
    for line in [
        "unsafe_fork_two_owners",
        "leaked_lock_mutex return",
        "unsafe_fork_many_threads",
    ] {
        let watched = watched(line, &[]);
        assert!(!watched.lines().is_empty(), "{watched:?}");
        for line in watched.lines() {
            let record = line.record.as_ref().expect("its fields are known");
            assert_eq!(serde_json::to_string(record).expect("a record is JSON"), line.text);
        }
    }
}

#[test]
fn a_record_says_who_wrote_it() {
    let watched = watched("unsafe_fork_mutex plain lock", &[]);
    let (record, fork) = only_fork(&watched);
    let exe = ready("unsafe_fork_mutex").starts[0]
        .command(&[])
        .get_program()
        .to_owned();
    assert_eq!(fs::canonicalize(&record.exe).ok(), fs::canonicalize(exe).ok());
    assert_eq!(record.thread, "unsafe_fork_mut", "the kernel's name, 15 bytes");
    assert_eq!(record.tid, record.pid, "the main thread forked");
    assert_eq!(u32::try_from(record.ppid).ok(), Some(std::process::id()));
    assert!(
        fork.fork
            .child_pid
            .is_some_and(|child| child > 0 && child != record.pid)
    );
    assert_ne!(fork.locks[0].owner_tid, Some(record.tid));
    assert_eq!(fork.locks[0].owner_tid, Some(fork.threads[0].tid));
    assert!(!fork.advice.is_empty(), "{fork:?}");
}

#[test]
fn the_summary_counts_what_did_not_fit() {
    let watched = watched("robust_many_held_locks", &[]);
    let summary = watched.of(Kind::Summary);
    assert_eq!(summary.len(), 1, "{watched:?}");
    let reported = watched.of(Kind::UnsafeFork);
    let fork = reported[0].unsafe_fork().expect("its fields are known");
    let dropped = summary[0].summary().expect("its fields are known").locks_dropped;
    let truncated = &reported[0].record.as_ref().expect("known").truncated;
    assert!(
        dropped > 0 || fork.locks.len() == 5000 || !truncated.is_empty(),
        "{dropped} dropped of 5000"
    );
}

#[test]
fn a_program_without_findings_writes_nothing() {
    let watched = watched("silent_spawn system", &[]);
    assert!(
        watched.lines().is_empty() && watched.text.is_empty() && watched.run.stderr.is_empty(),
        "{watched:?}"
    );
}
