//! A program that runs with more privileges than its user has (AT_SECURE): its user chooses the options and their paths, so it is not
//! watched, even if it is linked with the library. The dynamic linker already ignores LD_PRELOAD there. And a program with fewer
//! privileges than its log asks for.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::command::SOMEBODY;
use crate::support::library::library;

/// Forks beside another thread.
const PROGRAM: &str = r#"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
static void *idle(void *unused) { for (;;) pause(); return unused; }
int main(void) {
    pthread_t thread;
    int status;
    if (pthread_create(&thread, NULL, idle, NULL) != 0) return 2;
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 3;
    return getauxval(AT_SECURE) ? 41 : 40;
}
"#;

fn allow(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("our own file");
}

/// The program, linked with a copy of the library that everybody may read, in a folder where everybody may create the log.
fn linked_program(folder: &Path) -> PathBuf {
    allow(folder, 0o777);
    let (source, program, linked) = (
        folder.join("program.c"),
        folder.join("program"),
        folder.join("libforkwatch.so"),
    );
    fs::write(&source, PROGRAM).expect("a source");
    fs::copy(library(), &linked).expect("a copy");
    allow(&linked, 0o755);
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O1", "-pthread", "-Wl,--no-as-needed", "-o"])
        .args([&program, &source, &linked]);
    assert!(compiler.status().is_ok_and(|status| status.success()), "{compiler:?}");
    program
}

/// The exit status of the program, what it wrote to standard error, and its log.
fn run(program: &Path, folder: &Path) -> (Option<i32>, String, String) {
    let log = folder.join("log");
    let mut command = Command::new(program);
    command
        .env("FORKWATCH_LOG", &log)
        .env("FORKWATCH_TEXT", "stderr")
        .env("FORKWATCH_STRICT", "no such value");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said, fs::read_to_string(&log).unwrap_or_default())
}

#[test]
fn a_program_with_raised_privileges_is_not_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let is_low = rustix::thread::no_new_privs().unwrap_or(false)
        || statvfs(folder)
            .expect("a file system")
            .f_flag
            .contains(StatVfsMountFlags::NOSUID);
    if is_low {
        return println!("skipped: nothing raises privileges here");
    }
    let program = linked_program(folder);
    let (status, said, log) = run(&program, folder);
    assert_eq!(status, Some(40), "{said}");
    assert!(
        said.contains("no such value") && log.contains("\"unsafe_fork\""),
        "{said} {log}"
    );
    fs::remove_file(folder.join("log")).expect("the log");
    if chown(&program, Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        return println!("skipped: only root can give files away");
    }
    for bits in [0o4755, 0o2755] {
        allow(&program, bits);
        assert_eq!(
            run(&program, folder),
            (Some(41), String::new(), String::new()),
            "{bits:o}"
        );
    }
}

/// The owner of a log decides who writes to it. Whoever may not loses the records and is told so; the program goes on.
#[test]
fn a_log_of_another_user_is_left_alone() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let program = linked_program(folder);
    let private = folder.join("private");
    fs::create_dir(&private).expect("a folder");
    for (log, bits) in [(folder.join("log"), 0o640), (folder.join("private/log"), 0o666)] {
        fs::write(&log, "theirs\n").expect("a log");
        allow(&log, bits);
        allow(&private, 0o700);
        let mut command = Command::new(&program);
        command.env("FORKWATCH_LOG", &log).env("FORKWATCH_TEXT", "off");
        let output = command.uid(SOMEBODY).gid(SOMEBODY).output().expect("it runs");
        let expected = format!(
            "forkwatch: cannot write records to {}: permission denied; the program continues without it\n",
            log.display()
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert_eq!(output.status.code(), Some(40));
        assert_eq!(fs::read_to_string(&log).expect("a log"), "theirs\n");
    }
}
