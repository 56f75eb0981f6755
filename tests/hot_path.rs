//! What a followed lock costs in instructions, which repeat exactly where seconds do not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::library::library;

/// Locks and unlocks `argv[1]` times, in the way that `argv[2]` names.
const PROGRAM: &str = r#"
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
#define KEEP __asm__ volatile("" ::: "memory")
static __attribute__((noinline)) void pair(void) {
    pthread_mutex_lock(&mutex); KEEP; pthread_mutex_unlock(&mutex); KEEP;
}
static __attribute__((noinline)) void deep(int calls) { if (calls) deep(calls - 1); else pair(); KEEP; }
int main(int count, char **words) {
    int times = atoi(words[1]);
    sem_init(&semaphore, 0, 1);
    for (int time = 0; time < times; time++) {
        if (!strcmp(words[2], "bare")) pair();
        if (!strcmp(words[2], "deep")) deep(8);
        if (!strcmp(words[2], "try")) { pthread_mutex_trylock(&mutex); KEEP; pthread_mutex_unlock(&mutex); }
        if (!strcmp(words[2], "rwlock")) { pthread_rwlock_rdlock(&rwlock); KEEP; pthread_rwlock_unlock(&rwlock); }
        if (!strcmp(words[2], "semaphore")) { sem_wait(&semaphore); KEEP; sem_post(&semaphore); }
    }
    return count != 3;
}
"#;

/// Instructions of one whole run, without the library or with it and these options.
fn instructions(program: &Path, times: u32, way: &str, library_with: Option<&[(&str, &str)]>) -> u64 {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([&times.to_string(), way])
        .env_remove("LD_PRELOAD");
    if let Some(options) = library_with {
        command.env("LD_PRELOAD", library()).envs(options.iter().copied());
    }
    let output = command.output().expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("Collected :"));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no count in {said}"))
}

#[test]
fn a_followed_lock_takes_no_more_instructions_than_it_did() {
    const FEW: u32 = 2_000;
    const MANY: u32 = 12_000;
    if Command::new("valgrind").arg("--version").output().is_err() {
        return println!("skipped: valgrind is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("pairs.c"), folder.path().join("pairs"));
    fs::write(&source, PROGRAM).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-pthread", "-o"]).arg(&program).arg(&source);
    assert!(compiler.status().is_ok_and(|status| status.success()), "{compiler:?}");
    // What a pair takes beyond a bare one. A table that stays whole while a signal handler locks at any instruction of the pair
    // takes 14 to 41 of them, and the look into the table of what the thread takes 11 to 13.
    let limits = [
        ("bare", 118),
        ("deep", 175),
        ("try", 142),
        ("rwlock", 143),
        ("semaphore", 243),
    ];
    for (way, most) in limits {
        let each = |library_with| {
            let count = |times| instructions(&program, times, way, library_with);
            let pairs = u64::from(MANY - FEW);
            // To the nearest: a start takes a few instructions more or less.
            (count(MANY) - count(FEW) + pairs / 2) / pairs
        };
        let watched = each(Some(&[]));
        let beyond = watched - each(None);
        assert!(
            beyond <= most,
            "{way}: {beyond} instructions beyond a bare pair, not {most}"
        );
        if way == "bare" {
            // Forks wait, locks do not, until there is a fork.
            assert_eq!(each(Some(&[("FORKWATCH_SETTLE", "100")])), watched);
        }
    }
}
