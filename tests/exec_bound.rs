//! Every way to start a program is safe, or forks only to exec: none is reported, and none is stopped.

use crate::support::program::{Language, Program};
use crate::support::programs;
use crate::support::ways::{bare, watch};

programs! {
    C: silent_spawn, silent_glib_spawn;
    Rust: silent_rust_command;
    Python: silent_python_subprocess, silent_python_exec_bound, orphaned_python_exec_bound;
}

fn strict_changes_nothing(language: Language, name: &str) {
    let program = match Program::ready(language, name) {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {name}: {reason}"),
    };
    for start in &program.starts {
        for arguments in &program.head.runs {
            let bare = bare(&program, start, arguments);
            let watched = watch(&program, start, arguments, &[("FORKWATCH_STRICT", "threads")]);
            assert_eq!(
                watched.run.end, bare.end,
                "{name} {} {arguments:?}: {watched:?}",
                start.label
            );
            assert_eq!(watched.run.stdout, bare.stdout, "{name} {} {arguments:?}", start.label);
            assert!(
                watched.lines().is_empty(),
                "{name} {} {arguments:?}: {watched:?}",
                start.label
            );
        }
    }
}

#[test]
fn strict_lets_c_programs_start_programs() {
    strict_changes_nothing(Language::C, "silent_spawn");
}

#[test]
fn strict_lets_glib_start_programs() {
    strict_changes_nothing(Language::C, "silent_glib_spawn");
}

#[test]
fn strict_lets_rust_start_programs() {
    strict_changes_nothing(Language::Rust, "silent_rust_command");
}

#[test]
fn strict_lets_python_start_programs() {
    strict_changes_nothing(Language::Python, "silent_python_subprocess");
    strict_changes_nothing(Language::Python, "silent_python_exec_bound");
}
