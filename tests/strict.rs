//! `FORKWATCH_STRICT` and `FORKWATCH_ACTION`: what is stopped, how, and that it is stopped before the copy.

use std::fs;

use forkwatch_schema::kind::Kind;

use crate::support::process::{End, Folder};
use crate::support::program::{Language, Program};
use crate::support::ways::{Watched, bare, watch, watch_in};

fn ready(language: Language, name: &str) -> Program {
    Program::ready(language, name).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

/// `unsafe_fork_strict`, whose child says that it ran.
fn refusable(arguments: [&str; 2], strict: &str, action: &str) -> Watched {
    let program = ready(Language::C, "unsafe_fork_strict");
    let arguments = arguments.map(str::to_owned);
    let options = [("FORKWATCH_STRICT", strict), ("FORKWATCH_ACTION", action)];
    watch(&program, &program.starts[0], &arguments, &options)
}

/// One finding was reported, of a fork that made no child.
fn reported_without_a_child(watched: &Watched) {
    let reported = watched.of(Kind::UnsafeFork);
    assert!(!reported.is_empty(), "{watched:?}");
    let fork = reported[0].unsafe_fork().expect("its fields are known");
    assert_eq!(fork.fork.child_pid, None, "{watched:?}");
    assert!(watched.text.contains("unsafe_fork"), "{watched:?}");
}

/// What `unsafe_fork_strict` says where both of its forks go through.
const TWO_CHILDREN: &str = "the child ran\nfork: a child\nthe child ran\nfork: a child\nSIGCHLD: 2\n";

/// What it says where both are refused.
const REFUSED_TWICE: &str = "fork: EDEADLK\nfork: EDEADLK\nSIGCHLD: 0\n";

/// The forks went through, and were reported as without strictness.
fn passed(watched: &Watched) {
    assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
    assert_eq!(watched.run.stdout, TWO_CHILDREN, "{watched:?}");
    assert!(!watched.of(Kind::UnsafeFork).is_empty(), "{watched:?}");
}

/// A place that forks again is reported once, strict or not; it is stopped every time all the same.
#[test]
fn a_repeat_is_counted_under_strict_too() {
    for (kind, strict, action) in [
        ("threads", "child", "abort"),
        ("threads", "locks", "fail"),
        ("locks", "on", "fail"),
    ] {
        let watched = refusable([kind, "plain"], strict, action);
        assert_eq!(watched.of(Kind::UnsafeFork).len(), 1, "{strict} {action}: {watched:?}");
    }
}

#[test]
fn abort_ends_the_process_before_the_copy() {
    for strict in ["threads", "1", "on"] {
        for arguments in [["threads", "plain"], ["threads", "handlers"], ["locks", "plain"]] {
            let watched = refusable(arguments, strict, "abort");
            assert_eq!(watched.run.end, End::Signal(libc::SIGABRT), "{watched:?}");
            assert_eq!(watched.run.stdout, "", "no child may have run");
            reported_without_a_child(&watched);
        }
    }
}

#[test]
fn exit_ends_the_process_before_the_copy() {
    for arguments in [["threads", "plain"], ["locks", "handlers"]] {
        let watched = refusable(arguments, "threads", "exit:7");
        assert_eq!(watched.run.end, End::Exit(7), "{watched:?}");
        assert_eq!(watched.run.stdout, "", "no child may have run");
        reported_without_a_child(&watched);
    }
}

#[test]
fn fail_makes_fork_return_an_error() {
    for kind in ["threads", "locks"] {
        let watched = refusable([kind, "plain"], "threads", "fail");
        assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
        assert_eq!(watched.run.stdout, REFUSED_TWICE, "{watched:?}");
        reported_without_a_child(&watched);
    }
}

/// Here the copy cannot be avoided, but its child must end before any handler of the program runs there, and be reaped.
#[test]
fn fail_beside_other_libraries_handlers_shows_no_child() {
    for kind in ["threads", "locks"] {
        let watched = refusable([kind, "handlers"], "threads", "fail");
        assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
        let but_for_signals = watched.run.stdout.split("SIGCHLD").next();
        assert_eq!(but_for_signals, Some("fork: EDEADLK\nfork: EDEADLK\n"), "{watched:?}");
        reported_without_a_child(&watched);
    }
}

/// Beside other libraries' prepare handlers the copy is made and ends at once: nothing of the program runs in it. (Its end
/// still raises SIGCHLD in the parent, which no thread can keep from the others.)
#[test]
fn fail_beside_other_libraries_handlers_runs_nothing() {
    let watched = refusable(["threads", "handlers"], "threads", "fail");
    assert!(
        watched.run.stdout.starts_with("fork: EDEADLK\nfork: EDEADLK\n"),
        "{watched:?}"
    );
}

#[test]
fn locks_stops_only_where_a_lock_is_held() {
    for action in ["abort", "fail", "exit:7"] {
        passed(&refusable(["threads", "plain"], "locks", action));
    }
    let watched = refusable(["locks", "plain"], "locks", "abort");
    assert_eq!(watched.run.end, End::Signal(libc::SIGABRT), "{watched:?}");
    reported_without_a_child(&watched);
    let watched = refusable(["locks", "handlers"], "locks", "fail");
    assert!(
        watched.run.stdout.starts_with("fork: EDEADLK\nfork: EDEADLK\n"),
        "{watched:?}"
    );
    reported_without_a_child(&watched);
}

#[test]
fn child_never_stops_a_fork() {
    passed(&refusable(["threads", "plain"], "child", "abort"));
    passed(&refusable(["locks", "plain"], "child", "abort"));
}

#[test]
fn off_and_bad_values_stop_nothing() {
    passed(&refusable(["locks", "plain"], "off", "abort"));
}

#[test]
fn safe_forks_pass() {
    for name in [
        "silent_single_thread",
        "silent_ended_threads",
        "silent_atfork_stops_threads",
    ] {
        let program = ready(Language::C, name);
        for arguments in &program.head.runs {
            for action in ["abort", "fail"] {
                let bare = bare(&program, &program.starts[0], arguments);
                let options = [("FORKWATCH_STRICT", "threads"), ("FORKWATCH_ACTION", action)];
                let watched = watch(&program, &program.starts[0], arguments, &options);
                assert_eq!(watched.run.end, bare.end, "{name} {action}: {watched:?}");
                assert_eq!(watched.run.stdout, bare.stdout, "{name} {action}");
                assert!(watched.lines().is_empty(), "{name} {action}: {watched:?}");
            }
        }
    }
}

#[test]
fn suppressed_threads_and_locks_stop_nothing() {
    let program = ready(Language::C, "unsafe_fork_strict");
    for (rule, strict, words) in [
        ("thread:keeper", "threads", ["threads", "plain"]),
        ("thread:keeper", "threads", ["locks", "plain"]),
        ("lock:vault_open", "locks", ["locks", "plain"]),
        ("unsafe_fork:main", "threads", ["locks", "plain"]),
    ] {
        let folder = Folder::new("suppressed");
        let rules = folder.join("rules");
        fs::write(&rules, rule).expect("the rules can be written");
        let rules = rules.display().to_string();
        let options = [("FORKWATCH_STRICT", strict), ("FORKWATCH_SUPPRESS", rules.as_str())];
        let watched = watch_in(
            &folder,
            &program,
            &program.starts[0],
            &words.map(str::to_owned),
            &options,
        );
        assert_eq!(watched.run.end, End::Exit(0), "{rule}: {watched:?}");
        assert_eq!(watched.run.stdout, TWO_CHILDREN, "{rule}: {watched:?}");
    }
}

/// Python raises on the very line that forks.
#[test]
fn fail_raises_in_python() {
    let program = ready(Language::Python, "unsafe_fork_idle_threads");
    for start in &program.starts {
        let options = [("FORKWATCH_STRICT", "1"), ("FORKWATCH_ACTION", "fail")];
        let watched = watch(&program, start, &["event".into()], &options);
        let stderr = &watched.run.stderr;
        assert_eq!(watched.run.end, End::Exit(1), "{}: {watched:?}", start.label);
        assert!(stderr.contains("pid = os.fork()"), "{}: {stderr}", start.label);
        assert!(stderr.contains("OSError: [Errno 35]"), "{}: {stderr}", start.label);
        reported_without_a_child(&watched);
    }
}

#[test]
fn abort_stops_python() {
    let program = ready(Language::Python, "unsafe_fork_idle_threads");
    for start in &program.starts {
        let watched = watch(&program, start, &["queue".into()], &[("FORKWATCH_STRICT", "threads")]);
        assert_eq!(
            watched.run.end,
            End::Signal(libc::SIGABRT),
            "{}: {watched:?}",
            start.label
        );
        reported_without_a_child(&watched);
    }
}
