//! The cure: with `FORKWATCH_SETTLE`, programs whose children get stuck without it fork until their end. Where no wait can help,
//! the fork happens as it would have.

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Summary;

use crate::support::judge;
use crate::support::process::End;
use crate::support::program::{Language, Program, Start};
use crate::support::ways::{Watched, bare, watch};

/// The programs that are tested here.
pub const NAMES: &[&str] = &[
    "settled_locks",
    "settled_slow_locks",
    "settled_forkers",
    "settled_python",
    "settled_python_exec",
    "settled_subinterpreters",
    "settled_within_fork",
    "unsettled_fork",
    "unsettled_chain",
];

/// Long enough for a busy machine; a fork that need not wait does not take it.
const LONG: &str = "60000";
const REALISED: i32 = 3;
/// Forks that are held back keep the processors busy. So each interpreter sees a third of a program's runs, and each run a third of
/// the interpreters, unless `FORKWATCH_TEST_ALL` is set.
const SHARE: usize = 3;

/// Every run of a program: bare, which proves the hazard, and held back.
fn each(language: Language, name: &str, limit: impl Fn(&[String]) -> &'static str, see: impl Fn(&Watched, &str)) {
    let program = match Program::ready(language, name) {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {name}: {reason}"),
    };
    let is_shared = language == Language::Python && std::env::var_os("FORKWATCH_TEST_ALL").is_none();
    for (interpreter, start) in program.starts.iter().enumerate() {
        for (run, arguments) in program.head.runs.iter().enumerate() {
            if is_shared && !(interpreter + run).is_multiple_of(SHARE) {
                continue;
            }
            let label = format!("{name} {} {}", start.label, arguments.join(" "));
            let bare = bare(&program, start, arguments);
            assert_eq!(bare.end, End::Exit(REALISED), "{label}, bare: {bare:?}");
            let watched = watch(&program, start, arguments, &[("FORKWATCH_SETTLE", limit(arguments))]);
            let wrongs = judge::wrongs(&program.head, arguments, watched.lines());
            assert!(wrongs.is_empty(), "{label}: {wrongs:?}: {watched:?}");
            see(&watched, &label);
        }
    }
}

/// Every run of a Python program, with the interpreter and a label.
fn each_in_python(name: &str, see: impl Fn(&Program, &Start, &[String], &str)) {
    let program = match Program::ready(Language::Python, name) {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {name}: {reason}"),
    };
    for start in &program.starts {
        for arguments in &program.head.runs {
            let label = format!("{name} {} {}", start.label, arguments.join(" "));
            see(&program, start, arguments, &label);
        }
    }
}

/// The counts of the process that forks.
fn counts(watched: &Watched) -> Summary {
    counts_if_any(watched).unwrap_or_else(|| panic!("no summary: {watched:?}"))
}

/// The same; `None` where nothing was counted that anybody wants to know.
fn counts_if_any(watched: &Watched) -> Option<Summary> {
    let summaries = watched.of(Kind::Summary);
    let of_parent = summaries.iter().filter_map(|line| line.summary());
    of_parent.max_by_key(|summary| summary.forks).cloned()
}

fn is_cured(watched: &Watched, label: &str) {
    assert_eq!(watched.run.end, End::Exit(0), "{label}: {watched:?}");
    let counts = counts(watched);
    assert_eq!(
        (counts.settled_forks, counts.unsettled_forks),
        (counts.unsafe_forks, 0),
        "{label}: {watched:?}"
    );
}

#[test]
fn no_lock_is_left_locked() {
    each(Language::C, "settled_locks", |_| LONG, is_cured);
}

#[test]
fn a_lock_that_is_being_released_is_waited_for() {
    each(Language::C, "settled_slow_locks", |_| LONG, is_cured);
}

#[test]
fn threads_that_fork_at_once_wait_for_each_other() {
    each(Language::C, "settled_forkers", |_| LONG, is_cured);
}

#[test]
fn a_fork_in_a_handler_does_not_end_the_wait_of_the_other() {
    each(Language::C, "settled_within_fork", |_| LONG, is_cured);
}

#[test]
fn no_lock_of_python_is_left_locked() {
    each(Language::Python, "settled_python", |_| LONG, is_cured);
}

#[test]
fn another_interpreter_runs_on_beside_forks() {
    each_in_python("settled_subinterpreters", |program, start, arguments, label| {
        // The hazard is that of being watched: its children take nothing.
        let bare = bare(program, start, arguments);
        assert_eq!(bare.end, End::Exit(0), "{label}, bare: {bare:?}");
        is_cured(&watch(program, start, arguments, &[("FORKWATCH_SETTLE", LONG)]), label);
    });
}

#[test]
fn forks_that_only_exec_wait_for_nobody() {
    each_in_python("settled_python_exec", |program, start, arguments, label| {
        let watched = watch(program, start, arguments, &[("FORKWATCH_SETTLE", LONG)]);
        assert_eq!(watched.run.end, End::Exit(0), "{label}: {watched:?}");
        let counts = counts_if_any(&watched).unwrap_or_default();
        let wanted = if arguments == ["preexec"] { 5 } else { 0 };
        assert_eq!(
            (counts.settled_forks, counts.unsettled_forks),
            (wanted, 0),
            "{label}: {watched:?}"
        );
    });
}

#[test]
fn what_cannot_be_settled_happens_as_it_would_have() {
    // Only for a lock that is never released does the fork wait as long as it may.
    let limit = |arguments: &[String]| if arguments == ["for_ever"] { "50" } else { LONG };
    each(Language::C, "unsettled_fork", limit, |watched, label| {
        assert_eq!(watched.run.end, End::Exit(REALISED), "{label}: {watched:?}");
        let counts = counts(watched);
        // A fork in a signal handler is not held back.
        let in_vain = u64::from(!label.ends_with("handler"));
        assert_eq!(
            (counts.settled_forks, counts.unsettled_forks),
            (0, in_vain),
            "{label}: {watched:?}"
        );
    });
}

#[test]
fn a_holder_that_waits_for_a_thread_at_the_gate_ends_the_wait() {
    let program = Program::ready(Language::C, "unsettled_chain").unwrap_or_else(|reason| panic!("{reason}"));
    // The runner's deadline comes before this limit.
    let watched = watch(&program, &program.starts[0], &[], &[("FORKWATCH_SETTLE", LONG)]);
    assert!(matches!(watched.run.end, End::Exit(0 | REALISED)), "{watched:?}");
    let counts = counts(&watched);
    assert_eq!((counts.settled_forks, counts.unsettled_forks), (0, 1), "{watched:?}");
}

#[test]
fn a_filter_that_kills_at_what_the_wait_needs_kills_nobody() {
    let program = Program::ready(Language::C, "robust_killing_filters").unwrap_or_else(|reason| panic!("{reason}"));
    for arguments in &program.head.runs {
        let bare = bare(&program, &program.starts[0], arguments);
        let watched = watch(&program, &program.starts[0], arguments, &[("FORKWATCH_SETTLE", "on")]);
        assert_eq!(
            (watched.run.end, watched.run.stdout),
            (bare.end, bare.stdout),
            "{arguments:?}"
        );
    }
}
