//! Programs with another libc than glibc: the library stands aside, and says so once.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::library::library;

const SENTENCE: &str = "forkwatch: this program runs unwatched: its C library is not glibc.";

/// The program with musl; `None` where that is not installed.
fn with_musl(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("program");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/other_libc.c");
    let built = Command::new("musl-gcc").arg("-o").arg(&program).arg(source).output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            println!("skipped: musl-gcc: {error}");
            None
        }
    }
}

fn run(program: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    // No options of whoever runs the tests.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"FORKWATCH_")) {
        command.env_remove(name);
    }
    command.args(words).env_remove("LD_PRELOAD");
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn a_program_with_musl_runs_as_without_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = with_musl(folder.path()) else {
        return;
    };
    let library = library();
    let preload = ("LD_PRELOAD", library.to_str().unwrap());
    let of = |output: &Output| {
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let bare = of(&run(&program, &[], &[]));
    assert_eq!(bare.0, Some(7), "{bare:?}");
    for _ in 0..20 {
        let output = run(&program, &[], &[preload]);
        assert_eq!(of(&output), bare);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with(SENTENCE) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn what_is_not_to_be_watched_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = with_musl(folder.path()) else {
        return;
    };
    let library = library();
    let preload = ("LD_PRELOAD", library.to_str().unwrap());
    for silent in [("FORKWATCH_PROGRAMS", "others"), ("FORKWATCH_TEXT", "off")] {
        let output = run(&program, &[], &[preload, silent]);
        assert_eq!(
            (output.status.code(), output.stderr.len()),
            (Some(7), 0),
            "{silent:?}: {output:?}"
        );
    }
}

#[test]
fn a_tree_of_such_programs_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = with_musl(folder.path()) else {
        return;
    };
    let library = library();
    let preload = ("LD_PRELOAD", library.to_str().unwrap());
    // It starts itself, and is then the parent of what it starts.
    let starts = format!("{0}; {0}", program.display());
    let output = run(&program, &["starts", &starts], &[preload]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches(SENTENCE).count(), 1, "{output:?}");
    let ended = String::from_utf8_lossy(&output.stdout).matches("at exit").count();
    assert_eq!(ended, 3, "{output:?}");
}
