//! `scripts/try-programs` names what a library breaks, so that its silence means something.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::python;

/// A library that breaks two of the tests of `test_posix`, and no others.
const BREAKS: &str = "int posix_fadvise(int f, long o, long l, int a) { return 22; }\n\
                      int posix_fadvise64(int f, long o, long l, int a) { return 22; }\n";

#[test]
fn a_library_that_breaks_a_function_fails_its_tests_by_name() {
    let Some(python) = python() else {
        return println!("skipped: there is no python3 from 3.8 on");
    };
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("breaks.c"), folder.path().join("breaks.so"));
    fs::write(&source, BREAKS).unwrap();
    let compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    if !compiler.is_ok_and(|status| status.success()) {
        return println!("skipped: cc does not compile");
    }
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/try-programs"))
        .arg("--failures")
        .arg("--library")
        .arg(&library)
        .arg("cpython-3.11/test_posix")
        .env("CARGO_TARGET_DIR", folder.path())
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout);
    if said.starts_with("skipped: ") {
        return println!("{said}");
    }
    for test in ["test_posix_fadvise", "test_posix_fadvise_errno"] {
        let line =
            format!("PosixTester.{test}: passed natively, failed watched; again: 0 of 5 failed natively, 5 watched");
        assert!(said.contains(&line), "{test} is not named: {said}");
    }
    assert!(
        said.lines().last().is_some_and(|line| line.contains(" 2 failed, ")),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1), "{said}");
}
