//! What `forkwatch run` prints at its end, and its exit status: whatever a program does with its standard error, no report is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use crate::command::{COMMAND, forkwatch, run, stdout};
use crate::options::{ready, words};

/// A thread holds a lock while the main one forks; with the word `moved`, nobody sees standard error.
const PROGRAM: &str = "unsafe_fork_captured";

/// Runs the program under `forkwatch run` with these options: `OPTIONS -- kept|moved`.
fn run_program(options: &str, word: &str) -> Output {
    run(&mut program(options, word))
}

fn program(options: &str, word: &str) -> Command {
    let program = ready(PROGRAM).starts[0].command(&[]).get_program().to_owned();
    let mut command = forkwatch(&["run"]);
    command.args(words(options)).arg("--").arg(program).arg(word);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A record of this severity and kind, as a line of shell writes it behind `printf`, with a process in place of `%s`.
pub fn run_record(severity: &str, kind: &str) -> String {
    format!(
        "{{\"time\":\"2099-01-01T00:00:00.000000000Z\",\"severity\":\"{severity}\",\"schema\":\"forkwatch/1\",\"kind\":\"{kind}\",\
         \"fingerprint\":\"00000000000000{:02x}\",\"message\":\"made\",\"host\":\"h\",\"pid\":%s,\"ppid\":1,\"tid\":1,\
         \"thread\":\"t\",\"exe\":\"/x\",\"argv\":null,\"service\":\"s\",\"context\":null,\"fork_id\":null,\
         \"call\":\"pthread_mutex_lock\",\"lock\":{{\"address\":\"0x1\",\"kind\":\"mutex\",\"name\":null,\
         \"owner_tid\":null,\"owner\":null,\"acquired_stack\":[],\"waiters\":[]}},\"stack\":[],\"python_stack\":null,\
         \"blocking\":true}}",
        severity.len() + kind.len()
    )
}

/// The shell's words that report a record to the run above, in the name of this process.
pub fn kept(record: &str, process: &str) -> String {
    format!("printf '{record}\\n' {process} >> \"${{FORKWATCH_RUN_FOLDER#*:*:}}/records.jsonl\"")
}

#[test]
fn a_captured_report_is_shown_in_full_at_the_end() {
    let output = run_program("--error-exitcode 66", "moved");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(66), "{said}");
    let headline = "forkwatch: ERROR unsafe_fork: fork() in thread ";
    assert_eq!(said.matches(headline).count(), 1, "{said}");
    let (text, summary) = said.split_once("forkwatch: Summary: 1 finding in ").expect(&said);
    for part in ["thread \"writer\"", "unsafe_fork_captured.c:", "What to do:"] {
        assert!(text.contains(part), "{part}: {said}");
    }
    assert!(
        summary.contains(
            "\nforkwatch:   ERROR unsafe_fork at fork_beside_writer (unsafe_fork_captured.c:24): fork() in thread "
        ),
        "{said}"
    );
    assert!(
        said.ends_with(
            "\nforkwatch: Exit status 66: the program exited with 0, but a finding of ERROR or FATAL was recorded (--error-exitcode)\n"
        ),
        "{said}"
    );
    assert!(said.lines().all(|line| line.starts_with("forkwatch: ")), "{said}");
}

#[test]
fn what_was_shown_live_is_only_listed() {
    let output = run_program("--error-exitcode 0", "kept");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("ERROR unsafe_fork: ").count(), 1, "{said}");
    let summary = &said[said.find("forkwatch: Summary: ").expect(&said)..];
    assert!(
        summary.contains("  ERROR unsafe_fork at fork_beside_writer (unsafe_fork_captured.c:24): "),
        "{said}"
    );
    assert!(summary.contains("`--log FILE` keeps the records"), "{said}");
}

/// The status goes by what was written, and the summary says why the report calls it less.
#[test]
fn a_child_that_executes_lowers_the_finding_but_not_the_status() {
    let output = run_program("--error-exitcode 66", "exec");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(66), "{said}");
    let summary = &said[said.find("forkwatch: Summary: ").expect(&said)..];
    assert!(summary.contains("  INFO unsafe_fork at fork_beside_writer "), "{said}");
    assert!(
        summary.contains("(recorded as ERROR; every child went on to exec)\n"),
        "{said}"
    );
}

#[test]
fn a_stopped_program_is_explained() {
    let output = run_program("--strict", "moved");
    let said = said(&output);
    assert_eq!(output.status.signal(), Some(6), "{said}");
    assert!(said.contains("ERROR unsafe_fork: "), "{said}");
    assert!(
        said.ends_with("\nforkwatch: Ended by SIGABRT: FORKWATCH_STRICT=threads stopped it\n"),
        "{said}"
    );
}

#[test]
fn the_summary_names_where_the_rest_lies() {
    let folder = tempfile::tempdir().unwrap();
    let (log, text) = (folder.path().join("log"), folder.path().join("text"));
    let options = format!("--error-exitcode 3 --log {} --text {}", log.display(), text.display());
    let output = run_program(&options, "moved");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(!said.contains("ERROR unsafe_fork: "), "its text lies in a file: {said}");
    let rest = format!("forkwatch: Full text: {}; records: {}\n", text.display(), log.display());
    assert!(said.contains(&rest), "{said}");
    assert!(fs::read_to_string(text).unwrap().contains("ERROR unsafe_fork: "));
    let output = run_program("--error-exitcode 3 --text off", "moved");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(3), &b""[..]));
}

#[test]
fn a_test_runner_keeps_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let runner = folder.path().join("ctest");
    let mut plain = program("", "moved");
    let file = plain.get_args().nth(2).unwrap().to_owned();
    assert_eq!(
        said(&run(&mut plain)),
        "",
        "a program that is known to capture nothing is left alone"
    );
    symlink(file, &runner).unwrap();
    let output = run(forkwatch(&["run"]).arg(&runner).arg("moved"));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("ERROR unsafe_fork: ") && said.contains("Summary: 1 finding in ctest"),
        "{said}"
    );
}

#[test]
fn paths_of_standard_error_are_standard_error() {
    for option in ["--text=/dev/stderr", "--text=/proc/self/fd/2"] {
        let said = said(&run_program(option, "kept"));
        assert_eq!(
            said.matches("forkwatch: ERROR unsafe_fork: ").count(),
            1,
            "{option}: {said}"
        );
    }
    let said = said(&run_program("--text=off --log /dev/stderr", "kept"));
    assert_eq!(said.matches("\"kind\":\"unsafe_fork\"").count(), 1, "{said}");
}

#[test]
fn findings_turn_success_into_the_error_exitcode() {
    let status = |options: &[&str], script: &str| {
        let output = run(forkwatch(&["run"]).args(options).args(["sh", "-c", script]));
        output.status.code()
    };
    let (warn, error) = (
        run_record("WARN", "orphaned_lock"),
        run_record("ERROR", "orphaned_lock"),
    );
    let (warn, error) = (kept(&warn, "7"), kept(&error, "7"));
    let both = format!("{warn}; {error}");
    assert_eq!(status(&["--strict"], &both), Some(66));
    assert_eq!(status(&["--strict=locks"], &both), Some(66));
    assert_eq!(status(&["--error-exitcode", "9"], &both), Some(9));
    assert_eq!(status(&["--strict", "--error-exitcode=0"], &both), Some(0));
    assert_eq!(status(&["--strict"], &warn), Some(0));
    assert_eq!(status(&["--strict"], &format!("{both}; exit 3")), Some(3));
    assert_eq!(status(&["--watch"], &both), Some(0), "findings alone change no status");
    assert_eq!(status(&[], "exit ${FORKWATCH_RUN_FOLDER+1}0"), Some(0));
}

#[test]
fn the_runs_folder_is_private_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "path=\"${FORKWATCH_RUN_FOLDER#*:*:}\"; stat -c %a \"$path\" \"$path/records.jsonl\"; dirname \"$path\"";
    let output = run(forkwatch(&["run", "--strict", "sh", "-c", script]).env("TMPDIR", folder.path()));
    let said = stdout(&output);
    assert_eq!(said, format!("700\n600\n{}", folder.path().display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_run_inside_a_run_reports_to_the_outer_one() {
    let record = kept(&run_record("FATAL", "orphaned_lock"), "7");
    let script = format!(
        "{COMMAND} run --error-exitcode 0 sh -c '{}'",
        record.replace('\'', "'\\''")
    );
    let output = run(&mut forkwatch(&["run", "--strict", "sh", "-c", &script]));
    assert_eq!(output.status.code(), Some(66), "{}", said(&output));
}
