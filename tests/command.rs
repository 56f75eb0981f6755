//! The command `forkwatch`, as real processes: what it becomes, what it passes on, what it refuses and how it says so.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub const COMMAND: &str = env!("CARGO_BIN_EXE_forkwatch");
/// A user and group who run no tests.
pub const SOMEBODY: u32 = 12345;
const DEADLINE: Duration = Duration::from_secs(30);

/// The command with these arguments, in an environment where nothing is preloaded or set.
pub fn forkwatch<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    command_at(COMMAND, arguments)
}

pub fn command_at<S: AsRef<OsStr>>(path: impl AsRef<OsStr>, arguments: &[S]) -> Command {
    let mut command = Command::new(path);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name == "LD_PRELOAD" || name.as_encoded_bytes().starts_with(b"FORKWATCH_") {
            command.env_remove(name);
        }
    }
    command
}

/// Waits for the end; a command that hangs is killed and fails the test.
fn ended(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the command hangs");
        }
        sleep(Duration::from_millis(5));
    }
}

/// Runs to the end. The outputs are small enough for a pipe to hold.
pub fn run(command: &mut Command) -> Output {
    let mut child = command.spawn().unwrap();
    let status = ended(&mut child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

/// The one sentence that the command said, after checking its status.
pub fn refusal(command: &mut Command, code: i32) -> String {
    let output = run(command);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.starts_with("forkwatch: ") && said.lines().count() == 1, "{said}");
    said
}

/// Writes an executable file.
///
/// Another process does it: a program cannot be executed while a child that another test has just forked still holds our
/// descriptor for writing (ETXTBSY).
pub fn executable(path: &Path, content: &[u8]) {
    let mut writer = command_at("sh", &["-c", "cat > \"$0\" && chmod 755 \"$0\""]);
    let mut writer = writer.arg(path).stdin(Stdio::piped()).spawn().unwrap();
    writer.stdin.take().unwrap().write_all(content).unwrap();
    assert!(ended(&mut writer).success());
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// A copy of the command with no library beside it, in a folder of its own.
pub fn lonely_command() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forkwatch");
    executable(&path, &fs::read(COMMAND).unwrap());
    (folder, path)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until a process is in this state, by the letter of proc(5).
fn wait_for_state(pid: u32, letter: char) {
    let start = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.rsplit(") ").next().unwrap().starts_with(letter) {
            return;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "process {pid} is never in state {letter}: {stat}"
        );
        sleep(Duration::from_millis(5));
    }
}

/// A shell under `--strict`, hence with a parent, that has said its first line.
fn spoken(script: &str) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = forkwatch(&["run", "--strict", "sh", "-c", script]).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (child, reader, line.trim_end().to_owned())
}

#[test]
fn without_a_reason_for_a_parent_the_command_becomes_the_program() {
    let mut child = forkwatch(&["run", "sh", "-c", "echo $$"]).spawn().unwrap();
    let pid = child.id();
    ended(&mut child);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said.trim_end(), pid.to_string());
}

#[test]
fn the_status_is_passed_through() {
    for options in [
        &["run"][..],
        &["run", "--strict"],
        &["run", "--error-exitcode", "9", "--"],
    ] {
        let output = run(forkwatch(options).args(["sh", "-c", "exit 23"]));
        assert_eq!(output.status.code(), Some(23), "{options:?}");
        let output = run(forkwatch(options).args(["sh", "-c", "kill -KILL $$"]));
        assert_eq!(output.status.signal(), Some(9), "{options:?}");
        let output = run(forkwatch(options).args(["sh", "-c", "kill -SEGV $$"]));
        assert_eq!(output.status.signal(), Some(11), "{options:?}");
        assert!(output.stderr.is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn a_parent_leaves_no_core_of_its_own() {
    let output = run(&mut forkwatch(&[
        "run",
        "--strict",
        "sh",
        "-c",
        "ulimit -c 0; kill -ABRT $$",
    ]));
    assert_eq!(output.status.signal(), Some(6));
    assert!(!output.status.core_dumped());
}

#[test]
fn a_broken_pipe_ends_the_program_as_ever() {
    for options in [&["run"][..], &["run", "--strict"]] {
        let output = run(forkwatch(options).args(["sh", "-c", "kill -PIPE $$"]));
        assert_eq!(output.status.signal(), Some(13), "{options:?}");
    }
}

#[test]
fn signals_are_forwarded() {
    let (mut child, mut reader, line) =
        spoken("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
    assert_eq!(line, "ready");
    signal(&child, Signal::TERM);
    assert_eq!(ended(&mut child).code(), Some(5));
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "caught\n");
}

#[test]
fn a_forwarded_signal_that_ends_the_program_ends_the_command() {
    let (mut child, _reader, _) = spoken("echo ready; exec sleep 30");
    signal(&child, Signal::INT);
    assert_eq!(ended(&mut child).signal(), Some(2));
}

#[test]
fn stop_and_continue_reach_the_program() {
    let (mut child, _reader, pid) = spoken("echo $$; exec sleep 30");
    let program: u32 = pid.parse().unwrap();
    signal(&child, Signal::TSTP);
    wait_for_state(program, 'T');
    wait_for_state(child.id(), 'T');
    signal(&child, Signal::CONT);
    wait_for_state(program, 'S');
    wait_for_state(child.id(), 'S');
    signal(&child, Signal::TERM);
    assert_eq!(ended(&mut child).signal(), Some(15));
}

#[test]
fn the_program_gets_the_signals_state_that_we_were_given() {
    let status = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let bare = stdout(&run(
        command_at("sh", &["-c", &format!("trap '' HUP; {status}")]).env_remove("X")
    ));
    for options in ["run", "run --strict"] {
        let line = format!("trap '' HUP; exec {COMMAND} {options} sh -c \"{status}\"");
        let watched = stdout(&run(&mut command_at("sh", &["-c", &line])));
        // Rust's runtime ignores SIGPIPE in the test itself, too, but not in its children.
        assert_eq!(watched, bare, "{options}");
    }
}

#[test]
fn an_existing_preload_is_kept_behind_ours() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libempty.so");
    let source = folder.path().join("empty.c");
    fs::write(&source, "int forkwatch_test_nothing;\n").unwrap();
    let built = Command::new("gcc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler");
        return;
    }
    let output = run(forkwatch(&["run", "sh", "-c", "echo $LD_PRELOAD"]).env("LD_PRELOAD", &library));
    let list = stdout(&output);
    let (ours, kept) = list.split_once(':').unwrap();
    assert!(ours.ends_with("/libforkwatch.so"), "{list}");
    assert_eq!(Path::new(kept), library);
}

#[test]
fn the_library_is_loaded_and_the_options_are_set() {
    let script = "grep -c libforkwatch.so /proc/self/maps; echo $FORKWATCH_STRICT $FORKWATCH_DEPTH $FORKWATCH_LOG";
    let output = run(&mut forkwatch(&[
        "run",
        "--depth=3",
        "--log",
        "/tmp/%p",
        "--strict=off",
        "sh",
        "-c",
        script,
    ]));
    let said = stdout(&output);
    let (count, options) = said.split_once('\n').unwrap();
    assert_ne!(count, "0");
    assert_eq!(options, "off 3 /tmp/%p");
}

#[test]
fn a_bad_value_is_reported_with_the_nearest() {
    let said = refusal(&mut forkwatch(&["run", "--strict=thread", "true"]), 2);
    assert!(said.contains("--strict=thread") && said.contains("threads"), "{said}");
    let said = refusal(&mut forkwatch(&["env", "--depth", "65"]), 2);
    assert!(
        said.contains("--depth=65") && said.contains("nearest valid value is 64"),
        "{said}"
    );
    let said = refusal(&mut forkwatch(&["run", "--error-exitcode", "256", "true"]), 2);
    assert!(said.contains("nearest valid value is 255"), "{said}");
    let said = refusal(&mut forkwatch(&["run", "--strikt", "true"]), 2);
    assert!(said.contains("--strict"), "{said}");
    refusal(&mut forkwatch(&["run"]), 2);
}

#[test]
fn a_value_may_begin_with_a_dash() {
    let output = run(&mut forkwatch(&[
        "run",
        "--context",
        "-x",
        "sh",
        "-c",
        "echo $FORKWATCH_CONTEXT",
    ]));
    assert_eq!(stdout(&output), "-x");
    let said = refusal(&mut forkwatch(&["run", "--error-exitcode", "-1", "true"]), 2);
    assert!(said.contains("--error-exitcode=-1"), "{said}");
}

#[test]
fn a_suppression_file_that_cannot_be_read_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::write(&rules, "# none\n").unwrap();
    let missing = folder.path().join("missing");
    let both = format!("{}:{}", rules.display(), missing.display());
    for (command, value) in [
        (&["run"][..], missing.to_str().unwrap()),
        (&["run"], &both),
        (&["env"], &both),
        (&["run"], folder.path().to_str().unwrap()),
    ] {
        let program = command.iter().filter(|word| **word == "run").map(|_| "true");
        let said = refusal(forkwatch(command).args(["--suppress", value]).args(program), 2);
        assert!(
            said.contains("--suppress=/") && said.contains("cannot be read"),
            "{said}"
        );
    }
    let output = run(forkwatch(&["run", "--suppress"]).arg(&rules).arg("true"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn env_prints_what_a_shell_can_eval() {
    let script = format!(
        "eval \"$({COMMAND} env --strict --context \"it's \\$HOME\")\"; echo \"$FORKWATCH_STRICT $FORKWATCH_CONTEXT\"; \
         grep -c libforkwatch.so /proc/self/maps"
    );
    let output = run(&mut command_at("sh", &["-c", &script]));
    let said = stdout(&output);
    let (options, count) = said.split_once('\n').unwrap();
    assert_eq!(options, "threads it's $HOME");
    assert_ne!(count, "0");
    let dockerfile = stdout(&run(&mut forkwatch(&["env", "--format", "dockerfile", "--depth", "4"])));
    assert!(dockerfile.contains("\nENV LD_PRELOAD=\"/") && dockerfile.ends_with("ENV FORKWATCH_DEPTH=\"4\""));
}

#[test]
fn install_writes_the_bare_library() {
    let (folder, command) = lonely_command();
    let target = folder.path().join("a/b");
    let output = run(command_at(command, &["install", "--to"]).arg(&target));
    let library = target.join("libforkwatch.so");
    assert_eq!(stdout(&output), library.display().to_string());
    assert_eq!(mode(&library), 0o755);
    assert!(fs::read(&library).unwrap().starts_with(b"\x7fELF"));
    // A relative path in LD_PRELOAD would be another file in each directory.
    let printed = |words: &[&str]| {
        let output = run(command_at("./forkwatch", words).current_dir(folder.path()));
        stdout(&output)
    };
    let library = folder.path().join("c/libforkwatch.so");
    assert_eq!(printed(&["install", "--to", "c"]), library.display().to_string());
    assert!(printed(&["env"]).starts_with("export LD_PRELOAD='/"));
    let said = refusal(&mut forkwatch(&["install", "--to", "/dev/null/x"]), 125);
    assert!(said.contains("/dev/null"), "{said}");
}

#[test]
fn packagers_get_completions_and_manual_pages() {
    for shell in ["bash", "fish", "zsh"] {
        let mut child = forkwatch(&["completions", shell]);
        let output = child.stdout(Stdio::piped()).output().unwrap();
        assert!(
            output.status.success() && stdout(&output).contains("error-exitcode"),
            "{shell}"
        );
    }
    let page = forkwatch(&["man"]).output().unwrap();
    assert!(page.status.success() && stdout(&page).contains(".TH forkwatch"));
    let folder = tempfile::tempdir().unwrap();
    assert!(run(forkwatch(&["man", "--to"]).arg(folder.path())).status.success());
    let page = fs::read_to_string(folder.path().join("forkwatch-run.1")).unwrap();
    assert!(page.contains("FORKWATCH_STRICT"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let line = format!("{{ {COMMAND} completions bash; echo $? >&2; }} | head -c 1");
    let output = run(&mut command_at("sh", &["-c", &line]));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "0\n");
}

#[test]
fn help_names_the_variable_of_each_option() {
    let help = stdout(&forkwatch(&["run", "--help"]).output().unwrap());
    for name in [
        "FORKWATCH_STRICT",
        "FORKWATCH_LOG",
        "--audit[=<NAMES>]",
        "--guard <GLOBS>",
        "--error-exitcode",
        "Examples:",
    ] {
        assert!(help.contains(name), "{name}");
    }
}
