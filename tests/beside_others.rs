//! The library together with others: preloaded before and after libraries that replace the allocator, the clock or `fsync`, under an
//! auditor, and under debuggers that start the program or attach to it later. The program must end as it does without forkwatch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forkwatch_schema::system_calls::NEEDED;

use crate::command::COMMAND;
use crate::support::judge;
use crate::support::library::library;
use crate::support::process::{End, Folder, Run, run};
use crate::support::program::{Language, Program, built_library};
use crate::support::programs;
use crate::support::records::{self, Line};

programs! {
    C: robust_beside_others, robust_loaded_elsewhere;
}

const PROGRAM: &str = "robust_beside_others";

/// Libraries that are often preloaded, by Debian's packages.
const PRELOADED: &[(&str, &str)] = &[
    ("libjemalloc2", "libjemalloc.so.2"),
    ("libtcmalloc-minimal4", "libtcmalloc_minimal.so.4"),
    ("libmimalloc2.0", "libmimalloc.so.2"),
    ("libfaketime", "faketime/libfaketimeMT.so.1"),
    ("libeatmydata1", "libeatmydata.so"),
];

const FOLDERS: &[&str] = &["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// How long a debugger may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

fn installed(file: &str) -> Option<PathBuf> {
    FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(file))
        .find(|path| path.exists())
}

fn ready() -> Program {
    Program::ready(Language::C, PROGRAM).expect("a C compiler")
}

fn words(pairs: &[(&str, String)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// What the program is run with to be watched.
fn watching(folder: &Folder) -> Vec<(&'static str, String)> {
    vec![
        ("FORKWATCH_LOG", folder.join("log").display().to_string()),
        ("FORKWATCH_TEXT", folder.join("text").display().to_string()),
    ]
}

/// What is wrong with a watched run beside the bare one.
fn wrongs(program: &Program, folder: &Folder, bare: &Run, watched: &Run) -> Vec<String> {
    let mut wrongs = match records::read(&folder.join("log")) {
        Ok(lines) => judge::wrongs(&program.head, &[], &lines),
        Err(error) => vec![error],
    };
    if bare.end != End::Exit(0) {
        wrongs.push(format!("bare: {bare:?}"));
    }
    if watched.end != bare.end || watched.stdout != bare.stdout {
        wrongs.push(format!("{watched:?} instead of {bare:?}"));
    }
    wrongs
}

/// Runs the program in this environment, and again with the library preloaded, in each order.
fn beside(variables: &[(&str, String)], preloaded: Option<&Path>) {
    let program = ready();
    let other = preloaded.map(|path| path.display().to_string());
    let run_with = |preload: Option<String>, more: Vec<(&'static str, String)>, folder: &Folder| {
        let mut all = words(variables);
        all.extend(words(&more));
        all.extend(preload.map(|preload| ("LD_PRELOAD".to_owned(), preload)));
        run(&mut program.starts[0].command(&[]), &all, folder)
    };
    let bare = run_with(other.clone(), Vec::new(), &Folder::new(PROGRAM));
    let own = library().display().to_string();
    let orders = match &other {
        Some(other) => vec![format!("{own}:{other}"), format!("{other}:{own}")],
        None => vec![own],
    };
    for preload in orders {
        let folder = Folder::new(PROGRAM);
        let watched = run_with(Some(preload.clone()), watching(&folder), &folder);
        let found = wrongs(&program, &folder, &bare, &watched);
        assert!(found.is_empty(), "{preload}: {found:#?}");
    }
}

#[test]
fn libraries_that_are_often_preloaded() {
    for (package, file) in PRELOADED {
        match installed(file) {
            Some(path) => beside(&[("FAKETIME", "-2d".into())], Some(&path)),
            None => println!("skipped: {package} is not installed"),
        }
    }
}

#[test]
fn every_symbol_bound_at_the_start() {
    beside(&[("LD_BIND_NOW", "1".into())], None);
}

#[test]
fn an_auditor_that_follows_each_call() {
    let auditor = built_library("lib_audits.c").display().to_string();
    beside(&[("LD_AUDIT", auditor)], None);
}

/// Starts the program under a debugger's words, which end before the program's own.
fn started_by(debugger: &[&str]) {
    if Command::new(debugger[0]).arg("--version").output().is_err() {
        return println!("skipped: {} is not installed", debugger[0]);
    }
    let program = ready();
    let plain = program.starts[0].command(&[]);
    let run_with = |variables: Vec<(&'static str, String)>, folder: &Folder| {
        let mut command = Command::new(debugger[0]);
        command.args(&debugger[1..]).arg(plain.get_program());
        run(&mut command, &words(&variables), folder)
    };
    let bare = run_with(Vec::new(), &Folder::new(PROGRAM));
    let folder = Folder::new(PROGRAM);
    let mut variables = watching(&folder);
    variables.push(("LD_PRELOAD", library().display().to_string()));
    let watched = run_with(variables, &folder);
    let reported = program.head.expected.len();
    let lines = records::read(&folder.join("log")).unwrap_or_else(|error| panic!("{error}"));
    // The debugger is watched, too.
    let of_program = |line: &&Line| line.record.as_ref().is_some_and(|record| record.exe.ends_with(PROGRAM));
    let forks = lines
        .iter()
        .filter(of_program)
        .filter(|line| line.unsafe_fork().is_some());
    let forks = forks.count();
    assert_eq!(forks, reported, "{lines:?}");
    let fine = |run: &Run| run.end == End::Exit(0) && run.stdout.contains("20 children: fine");
    assert!(fine(&bare) && fine(&watched), "{bare:?} {watched:?}");
}

/// The names of the system calls that a program makes, its children included; beside them, whether it was watched.
fn system_calls_of(name: &str, watched: bool) -> BTreeSet<String> {
    let program = Program::ready(Language::C, name).expect("a C compiler");
    let folder = Folder::new(name);
    let trace = folder.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(&trace);
    if watched {
        command.args(["-E", &format!("LD_PRELOAD={}", library().display())]);
    }
    command.arg(program.starts[0].command(&[]).get_program());
    run(&mut command, &words(&watching(&folder)), &folder);
    let trace = fs::read_to_string(trace).expect("strace writes what it saw");
    let lines = trace.lines().filter_map(|line| line.split_once(' '));
    let called = lines.filter_map(|(_, call)| call.trim_start().split_once('('));
    let names = called.map(|(name, _)| name.to_owned());
    names.filter(|name| !name.is_empty() && !name.contains(' ')).collect()
}

#[test]
fn a_filter_must_allow_what_is_said_to_be_needed() {
    if Command::new("strace").arg("--version").output().is_err() {
        return println!("skipped: strace is not installed");
    }
    let said: BTreeSet<&str> = NEEDED.iter().map(|(_, name)| *name).collect();
    for program in [PROGRAM, "orphaned_own_mutex", "leaked_lock_mutex"] {
        let native = system_calls_of(program, false);
        let watched = system_calls_of(program, true);
        assert!(watched.contains("getppid"), "{program} had no finding: {watched:?}");
        // Under a filter, memory is read in another way, and no child redirects its calls; and the program itself naps where its
        // child is slow to end.
        let others = ["process_vm_readv", "process_vm_writev", "clock_nanosleep"];
        let unsaid: Vec<_> = watched
            .difference(&native)
            .filter(|name| !said.contains(name.as_str()) && !others.contains(&name.as_str()))
            .collect();
        assert_eq!(unsaid, Vec::<&String>::new(), "{program}");
    }
    let help = Command::new(COMMAND)
        .args(["run", "--help"])
        .output()
        .expect("the command runs");
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LIMITS.md")).expect("there is such a page");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let also_for_sockets = BTreeSet::from(["socket", "sendto"]);
    for text in [help, page] {
        let words: BTreeSet<&str> = text
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .collect();
        let missing: Vec<_> = said
            .union(&also_for_sockets)
            .filter(|name| !words.contains(*name))
            .collect();
        assert_eq!(missing, Vec::<&&str>::new());
    }
}

#[test]
fn strace_starts_the_program() {
    started_by(&["strace", "-f", "-o", "/dev/null"]);
}

#[test]
fn gdb_starts_the_program() {
    started_by(&["gdb", "-q", "-nx", "-batch", "-ex", "run", "--args"]);
}

/// Whether a debugger follows this process.
fn is_traced(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
}

/// A process that is killed when the test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that has ended is not an error.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A debugger comes to the watched program while it waits, and goes on with it.
fn comes_to(debugger: &[&str]) {
    if Command::new(debugger[0]).arg("--version").output().is_err() {
        return println!("skipped: {} is not installed", debugger[0]);
    }
    let program = ready();
    let folder = Folder::new(PROGRAM);
    let said = folder.join("stdout");
    let mut command = program.starts[0].command(&["wait".into()]);
    command
        .envs(watching(&folder))
        .env("LD_PRELOAD", library())
        .stdin(Stdio::piped())
        .stdout(File::create(&said).expect("a file can be made"));
    let mut watched = Killed(command.spawn().expect("the program starts"));
    let pid = watched.0.id();
    let mut follower = Command::new(debugger[0]);
    follower
        .args(&debugger[1..])
        .args(["-p", &pid.to_string()])
        .stdout(Stdio::null());
    let follower = follower.stderr(Stdio::null()).stdin(Stdio::null()).spawn();
    let follower = Killed(follower.expect("the debugger starts"));
    let start = Instant::now();
    while !is_traced(pid) {
        assert!(start.elapsed() < PATIENCE, "{} does not come", debugger[0]);
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut input = watched.0.stdin.take().expect("a pipe");
    input.write_all(b"x").expect("the program waits");
    let status = watched.0.wait().expect("the program ends");
    drop(follower);
    assert!(status.success(), "{status}");
    assert_eq!(
        fs::read_to_string(&said).unwrap_or_default(),
        "1600 rounds, 20 children: fine\n"
    );
    let lines = records::read(&folder.join("log")).unwrap_or_else(|error| panic!("{error}"));
    let found = judge::wrongs(&program.head, &[], &lines);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn strace_comes_to_the_program() {
    comes_to(&["strace", "-f", "-o", "/dev/null"]);
}

#[test]
fn gdb_comes_to_the_program() {
    comes_to(&["gdb", "-q", "-nx", "-batch", "-ex", "continue"]);
}
