//! The text for people: where it goes, what it has, how it looks.

use std::process::Command;

use forkwatch_schema::kind::Kind;

use crate::options::{ready, watched};
use crate::support::library::library;
use crate::support::process::{End, Folder, run};
use crate::support::ways::UNSET;

#[test]
fn the_text_can_be_one_line_for_each_finding() {
    let watched = watched(
        "unsafe_fork_two_places",
        &[("FORKWATCH_FORMAT", "line"), ("FORKWATCH_TEXT", "stderr")],
    );
    let lines: Vec<_> = watched.run.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "the last one counts repeats: {lines:?}");
    for (line, fork) in lines.iter().zip(watched.of(Kind::UnsafeFork)) {
        let record = fork.record.as_ref().expect("its fields are known");
        let severity = record.severity.name();
        assert!(
            line.starts_with(&format!("forkwatch: {severity} unsafe_fork at ")),
            "{line}"
        );
        assert!(
            line.ends_with(&format!("; fingerprint {}", record.fingerprint)),
            "{line}"
        );
    }
}

#[test]
fn an_interpreter_that_is_not_known_is_said_once() {
    let watched = watched("unsafe_fork_unknown_python", &[("FORKWATCH_TEXT", "stderr")]);
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 2, "{watched:?}");
    let said = watched.run.stderr.matches("CPython 3.99.0rc1 is not known to").count();
    assert_eq!(said, 1, "{watched:?}");
    let off = [("FORKWATCH_TEXT", "stderr"), ("FORKWATCH_PYTHON", "off")];
    let off = self::watched("unsafe_fork_unknown_python", &off);
    assert!(!off.run.stderr.contains("is not known"), "{off:?}");
}

#[test]
fn the_text_wraps_at_the_terminals_width() {
    if Command::new("script").arg("--version").output().is_err() {
        return println!("skipped: there is no script(1) to make a terminal");
    }
    let longest = |text: &str| {
        // Stacks and paths stay whole.
        let lines = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.contains(" #") && !line.contains('/'));
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let [narrow, wide] = [60, 100].map(|columns| on_a_terminal(columns, &[("NO_COLOR", "1")]));
    for text in [&narrow, &wide] {
        assert!(text.contains("unsafe_fork: fork() in thread"), "{text}");
    }
    assert!(longest(&narrow) <= 60 && longest(&wide) > 60, "{narrow}\n{wide}");
}

#[test]
fn the_text_goes_where_the_option_says() {
    let to_stderr = watched("unsafe_fork_mutex plain lock", &[("FORKWATCH_TEXT", UNSET)]);
    let lines: Vec<_> = to_stderr.run.stderr.lines().collect();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line.starts_with("forkwatch: ")),
        "{to_stderr:?}"
    );
    assert!(!to_stderr.run.stderr.contains('\u{1b}'), "no colour but on a terminal");
    let to_file = watched("unsafe_fork_mutex plain lock", &[]);
    assert!(
        to_file.run.stderr.is_empty() && to_file.text.contains("unsafe_fork"),
        "{to_file:?}"
    );
    let off = watched("unsafe_fork_mutex plain lock", &[("FORKWATCH_TEXT", "off")]);
    assert!(
        off.run.stderr.is_empty() && off.text.is_empty() && off.of(Kind::UnsafeFork).len() == 1,
        "{off:?}"
    );
    let no_log = watched(
        "unsafe_fork_mutex plain lock",
        &[("FORKWATCH_TEXT", "stderr"), ("FORKWATCH_LOG", UNSET)],
    );
    assert!(
        no_log.lines().is_empty() && no_log.run.stderr.contains("unsafe_fork"),
        "{no_log:?}"
    );
}

#[test]
fn the_text_has_everything_that_matters() {
    let text = watched("unsafe_fork_two_owners", &[]).text;
    let titles: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("_fork: ") || line.contains("_lock: "))
        .collect();
    let has_title = |words: &str| {
        titles
            .iter()
            .any(|title| title.starts_with(&format!("forkwatch: {words}: ")))
    };
    assert!(
        has_title("ERROR unsafe_fork") && has_title("FATAL orphaned_lock"),
        "{titles:?}"
    );
    for word in [
        "main",
        "baker",
        "miller",
        "hungry",
        "take_oven",
        "take_flour",
        "take_mill",
        "take_sail",
        "mutex",
        "rwlock",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(text.contains("unsafe_fork_two_owners.c:"), "file and line: {text}");
}

/// Runs a program with a terminal of so many columns as standard error.
fn on_a_terminal(columns: usize, options: &[(&str, &str)]) -> String {
    let folder = Folder::new("terminal");
    let program = ready("unsafe_fork_two_places");
    let direct = program.starts[0].command(&[]);
    let command = format!(
        "stty cols {columns}; exec env LD_PRELOAD='{}' '{}'",
        library().display(),
        direct.get_program().to_string_lossy()
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    let variables = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let run = run(&mut script, &variables, &folder);
    assert_eq!(run.end, End::Exit(0), "{run:?}");
    run.stdout
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    if Command::new("script").arg("--version").output().is_err() {
        return println!("skipped: there is no script(1) to make a terminal");
    }
    assert!(on_a_terminal(100, &[]).contains("\u{1b}["));
    let plain = on_a_terminal(100, &[("NO_COLOR", "1")]);
    assert!(plain.contains("unsafe_fork") && !plain.contains('\u{1b}'), "{plain:?}");
}
