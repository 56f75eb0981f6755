//! `scripts/bench` measures what it is asked for and says what it cannot measure. How long anything takes is never asserted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::library::library;

/// The interpreter itself, as a wrapper of it may need more programs than a test leaves it.
pub fn python() -> Option<PathBuf> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .ok()?;
    let supported = "import sys; sys.exit(sys.version_info < (3, 8))";
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let known = Command::new(&path).args(["-c", supported]).status().ok()?;
    known.success().then_some(path)
}

/// One round in a folder, where the figures and the picture are left.
fn bench(python: &Path, folder: &Path, arguments: &[&str], path: Option<&Path>) -> Output {
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench"))
        .args(["1", "--library"])
        .arg(library())
        .args(arguments)
        .env("CARGO_TARGET_DIR", folder);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.output().expect("python3 runs")
}

fn figures(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("bench.json")).expect("the figures were written");
    serde_json::from_str(&text).expect("they are JSON")
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("it is a list");
    list.iter().filter_map(|entry| entry["name"].as_str()).collect()
}

#[test]
fn a_round_of_the_benchmark_gives_the_figures_asked_for() {
    let Some(python) = python() else {
        return println!("skipped: there is no python3 from 3.8 on");
    };
    let folder = tempfile::tempdir().unwrap();
    let rows = "bare loop;2 threads, different locks;10 other threads, 0 locks;start of `true`;memory of a thread";
    let columns = "native again,forkwatch,pass-through";
    let output = bench(
        &python,
        folder.path(),
        &["--rows", rows, "--columns", columns, "--markdown"],
        None,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let figures = figures(folder.path());
    assert_eq!(figures["schema"], "forkwatch-bench/1");
    assert_eq!(
        names(&figures["columns"]),
        ["native", "native again", "forkwatch", "pass-through"]
    );
    let expected = [
        "lock + unlock, bare loop",
        "lock + unlock, 2 threads, different locks",
        "fork + wait, 10 other threads, 0 locks, repeated",
        "fork + wait, 10 other threads, 0 locks, first",
        "start of `true`",
        "memory of a thread",
    ];
    assert_eq!(names(&figures["rows"]), expected);
    let table = String::from_utf8(output.stdout).unwrap();
    let picture = fs::read_to_string(folder.path().join("bench.svg")).unwrap();
    for row in figures["rows"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        assert!(row["native"].as_f64().is_some_and(|native| native > 0.0), "{row}");
        for column in columns.split(',') {
            let cell = &row["columns"][column];
            assert_eq!(cell["rounds"], 1, "{name}, {column}: {cell}");
            assert_eq!(cell["measured"].as_array().map(Vec::len), Some(1), "{cell}");
            assert!(cell["median"].is_f64(), "{cell}");
        }
        assert!(table.contains(&format!("| {name} | ")), "{table}");
        assert_eq!(picture.contains(name), row["compared_by"] == "ratio", "{name}");
    }
}

#[test]
fn forks_that_are_held_back_have_their_longest_beside_their_median() {
    let Some(python) = python() else {
        return println!("skipped: there is no python3 from 3.8 on");
    };
    let folder = tempfile::tempdir().unwrap();
    let rows = "held back, a mutex, 2 threads";
    let output = bench(
        &python,
        folder.path(),
        &["--rows", rows, "--columns", "settle,pass-through"],
        None,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let figures = figures(folder.path());
    let [one, other] = figures["rows"].as_array().unwrap().as_chunks::<3>().0 else {
        panic!("{figures}")
    };
    for (rows, what) in [(one, "fork"), (other, "lock call of a thread")] {
        let of = |row: &Value, column: &str| match column {
            "native" => row["native"].as_f64(),
            _ => row["columns"][column]["median"].as_f64(),
        };
        for column in ["native", "settle"] {
            let times: Vec<_> = rows.iter().filter_map(|row| of(row, column)).collect();
            assert_eq!(times.len(), 3, "{column}: {figures}");
            assert!(times.is_sorted() && times[0] > 0.0, "{column}: {figures}");
        }
        for (row, which) in rows.iter().zip(["median", "99 of 100", "longest"]) {
            assert_eq!(row["name"], format!("held back, a mutex, 2 threads: {what}, {which}"));
            assert_eq!(of(row, "pass-through"), None, "{row}");
        }
    }
}

#[test]
fn what_the_benchmark_cannot_measure_is_reported() {
    let Some(python) = python() else {
        return println!("skipped: there is no python3 from 3.8 on");
    };
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["cc", "as", "ld", "nm"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|path| path.join(name))
            .find(|path| path.exists());
        symlink(found.expect("there is a compiler"), programs.join(name)).unwrap();
    }
    let rows = ["--rows", "bare loop;redis-server"];
    let output = bench(
        &python,
        folder.path(),
        &[&rows[..], &["--columns", "forkwatch,helgrind"]].concat(),
        Some(&programs),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in [
        "skipped: helgrind: valgrind is not installed",
        "skipped: redis-server: redis-server is not installed",
    ] {
        assert!(said.lines().any(|it| it == line), "{line} is missing in:\n{said}");
    }
    let figures = figures(folder.path());
    assert_eq!(figures["columns"][2]["skipped"], "valgrind is not installed");
    let [bare, redis] = figures["rows"].as_array().unwrap().as_slice() else {
        panic!("{figures}")
    };
    assert_eq!(bare["columns"]["forkwatch"]["rounds"], 1);
    assert_eq!(bare["columns"]["helgrind"]["rounds"], 0);
    assert_eq!(redis["skipped"], "redis-server is not installed");
}

#[test]
fn a_row_that_is_not_there_is_refused() {
    let Some(python) = python() else {
        return println!("skipped: there is no python3 from 3.8 on");
    };
    let folder = tempfile::tempdir().unwrap();
    let output = bench(&python, folder.path(), &["--rows", "no such row"], None);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no row of that name"));
}
