//! Programs with another libc than glibc: the library stands aside, and says so once.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::library::library;

const SENTENCE: &str = "forkwatch: this program runs unwatched: its C library is not glibc.";

/// Calls `see` with the program, linked with musl, where that is installed.
fn with_musl(see: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/other_libc.c");
    match Command::new("musl-gcc").arg("-o").arg(&program).arg(source).output() {
        Ok(output) if output.status.success() => see(&program),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("skipped: musl-gcc: {error}"),
    }
}

/// The program without the library, and without options of whoever runs the tests.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.as_encoded_bytes().starts_with(b"FORKWATCH_")) {
        command.env_remove(name);
    }
    command.env_remove("LD_PRELOAD");
    command
}

fn watched(program: &Path) -> Command {
    let mut command = bare(program);
    command.env("LD_PRELOAD", library());
    command
}

/// How the program ended, and what it printed.
fn result(output: &Output) -> (Option<i32>, String) {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), printed)
}

#[test]
fn a_program_with_musl_runs_as_without_the_library() {
    with_musl(|program| {
        let bare = result(&bare(program).output().unwrap());
        assert_eq!(bare.0, Some(7), "{bare:?}");
        for _ in 0..20 {
            let output = watched(program).output().unwrap();
            assert_eq!(result(&output), bare);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.starts_with(SENTENCE) && said.lines().count() == 1, "{said}");
        }
    });
}

#[test]
fn what_is_not_to_be_watched_says_nothing() {
    with_musl(|program| {
        for (name, value) in [("FORKWATCH_PROGRAMS", "others"), ("FORKWATCH_TEXT", "off")] {
            let output = watched(program).env(name, value).output().unwrap();
            assert_eq!(result(&output).0, Some(7), "{name}={value}: {output:?}");
            assert!(output.stderr.is_empty(), "{name}={value}: {output:?}");
        }
    });
}

#[test]
fn a_tree_of_such_programs_says_so_once() {
    with_musl(|program| {
        // It starts itself, and is then the parent of what it starts.
        let starts = format!("{0}; {0}", program.display());
        let output = watched(program).args(["starts", &starts]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.matches(SENTENCE).count(), 1, "{output:?}");
        let ended = result(&output).1.matches("at exit").count();
        assert_eq!(ended, 3, "{output:?}");
    });
}
