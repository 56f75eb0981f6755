//! Suppression files: what a rule suppresses, and how a bad rule is reported.

use super::options::{only_fork, ready, reported, watched};
use crate::support::process::Folder;
use crate::support::ways::Watched;
use crate::support::ways::watch_in;
use forkwatch_schema::kind::Kind;
use forkwatch_schema::kind::Severity;
use std::fs;

/// Watches `unsafe_fork_two_owners` under these rules.
fn suppressed(rules: &str) -> Watched {
    suppressed_in("unsafe_fork_two_owners", rules)
}

/// Watches this program, as it is started first, under these rules.
fn suppressed_in(name: &str, rules: &str) -> Watched {
    let program = ready(name);
    let folder = Folder::new("rules");
    fs::write(folder.join("rules"), rules).expect("the rules can be written");
    let file = folder.join("rules").display().to_string();
    watch_in(
        &folder,
        &program,
        &program.starts[0],
        &[],
        &[("FORKWATCH_SUPPRESS", file.as_str()), ("FORKWATCH_TEXT", "stderr")],
    )
}

fn suppressions(watched: &Watched) -> u64 {
    let summary = watched.of(Kind::Summary);
    assert_eq!(summary.len(), 1, "what was suppressed is counted: {watched:?}");
    summary[0].summary().expect("its fields are known").suppressed
}

#[test]
fn a_finding_is_suppressed_by_what_its_stacks_hold() {
    for rule in [
        "unsafe_fork:take_oven",
        "*:ma*n",
        "unsafe_fork:unsafe_fork_two_*",
        "unsafe_fork:baker",
        "# one\n\n*:hungry",
    ] {
        let watched = suppressed(&format!("{rule}\norphaned_lock:*"));
        assert!(watched.of(Kind::UnsafeFork).is_empty(), "{rule}: {watched:?}");
        assert_eq!(watched.run.stderr, "", "{rule}");
        assert!(suppressions(&watched) > 0, "{rule}");
    }
    for rule in [
        "leaked_lock:*",
        "unsafe_fork:nobody",
        "unsafe_fork:take",
        "thread:nobody",
        "lock:nothing",
    ] {
        let watched = suppressed(rule);
        assert_eq!(only_fork(&watched).1.locks.len(), 4, "{rule}: {watched:?}");
    }
}

#[test]
fn fingerprints_and_the_ids_of_locks_are_rules_too() {
    let all = suppressed("unsafe_fork:nobody");
    let (record, fork) = only_fork(&all);
    let id = fork.locks[0].id.as_deref().expect("an id");
    let (mine, other) = (
        fork.locks.iter().filter(|lock| lock.id.as_deref() == Some(id)).count(),
        fork.locks.len(),
    );
    let watched = suppressed(&format!("fingerprint:{}\norphaned_lock:*", record.fingerprint));
    assert!(
        watched.of(Kind::UnsafeFork).is_empty() && suppressions(&watched) > 0,
        "{watched:?}"
    );
    let watched = suppressed(&format!("lock:{id}"));
    let left = &only_fork(&watched).1.locks;
    assert!(
        left.len() == other - mine && left.iter().all(|lock| lock.id.as_deref() != Some(id)),
        "{left:?}"
    );
}

#[test]
fn a_child_that_lost_only_harmless_threads_may_have_threads() {
    let watched = suppressed_in("thread_after_fork", "thread:worker");
    assert!(watched.of(Kind::UnsafeFork).is_empty(), "{watched:?}");
    assert!(watched.of(Kind::ThreadAfterFork).is_empty(), "{watched:?}");
    for rule in ["unsafe_fork:main", "thread:another"] {
        let watched = suppressed_in("thread_after_fork", rule);
        assert_eq!(watched.of(Kind::ThreadAfterFork).len(), 1, "{rule}: {watched:?}");
    }
}

#[test]
fn suppressed_threads_and_locks_do_not_count() {
    let watched = suppressed("thread:baker");
    let (_, fork) = only_fork(&watched);
    assert!(
        fork.threads.iter().all(|thread| thread.name != "baker") && fork.threads.len() == 2,
        "{fork:?}"
    );
    assert!(
        fork.locks.iter().all(|lock| lock.owner.as_deref() == Some("miller")) && fork.locks.len() == 2,
        "{fork:?}"
    );
    assert!(suppressions(&watched) > 0);
    let watched = suppressed("lock:take_*");
    let (record, fork) = only_fork(&watched);
    assert!(fork.locks.is_empty() && fork.threads.len() == 3, "{fork:?}");
    assert_eq!(record.severity, Severity::Warn);
    let watched = suppressed("thread:miller\nthread:bak*\nthread:h?ngry");
    assert!(watched.of(Kind::UnsafeFork).is_empty(), "{watched:?}");
}

#[test]
fn a_bad_rule_is_reported_with_its_line_and_skipped() {
    let watched = suppressed("# fine\nunsafe_frok:x\nthread:baker\nnonsense\n");
    let stderr = &watched.run.stderr;
    for line in ["rules:2", "rules:4"] {
        assert_eq!(reported(stderr, line), 1, "{line} in {stderr}");
    }
    assert_eq!(reported(stderr, "rules:1") + reported(stderr, "rules:3"), 0, "{stderr}");
    assert!(reported(stderr, "'unsafe_fork'") == 1, "the nearest kind: {stderr}");
    assert_eq!(only_fork(&watched).1.threads.len(), 2, "the good rule holds");
}

#[test]
fn a_missing_rules_file_is_reported() {
    let watched = watched(
        "unsafe_fork_two_places",
        &[("FORKWATCH_SUPPRESS", "/nowhere/rules"), ("FORKWATCH_TEXT", "stderr")],
    );
    assert_eq!(reported(&watched.run.stderr, "/nowhere/rules"), 1, "{watched:?}");
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 2);
}
