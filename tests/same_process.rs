//! Beside other tools in the same process: the next preloaded library's definitions, sanitizers' runtimes, Valgrind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::library::library;
use crate::support::process::{End, Folder, Run, run};

/// A thread holds a lock; the main thread forks, and all ends well.
const PROGRAM: &str = r#"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int held[2], done[2];
static void *keeper(void *unused) {
    char byte;
    pthread_mutex_lock(&mutex);
    if (write(held[1], "", 1) != 1 || read(done[0], &byte, 1) != 1) exit(7);
    pthread_mutex_unlock(&mutex);
    return unused;
}
int main(void) {
    pthread_t thread;
    char byte;
    int status;
    time_t now = 0;
    if (pipe(held) != 0 || pipe(done) != 0 || pthread_create(&thread, NULL, keeper, NULL) != 0) return 2;
    if (read(held[0], &byte, 1) != 1) return 3;
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 4;
    if (setenv("NAME", "value", 1) != 0 || !localtime(&now)) return 5;
    if (write(done[1], "", 1) != 1 || pthread_join(thread, NULL) != 0) return 6;
    return write(1, "fine\n", 5) != 5;
}
"#;

/// A library behind ours: it says which of its functions were called, and goes on to libc's.
const NEXT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void say(const char *name) {
    char line[64] = "next ";
    strcat(strcat(line, name), "\n");
    if (write(1, line, strlen(line)) < 0) abort();
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
void _exit(int status) { say("_exit"); REAL(_exit)(status); abort(); }
void _Exit(int status) { say("_Exit"); REAL(_Exit)(status); abort(); }
void quick_exit(int status) { say("quick_exit"); REAL(quick_exit)(status); abort(); }
pid_t fork(void) { say("fork"); return REAL(fork)(); }
pid_t _Fork(void) { say("_Fork"); return REAL(_Fork)(); }
long random(void) { say("random"); return REAL(random)(); }
int execve(const char *path, char *const *words, char *const *names) { say("execve"); return REAL(execve)(path, words, names); }
int setenv(const char *name, const char *value, int over) { say("setenv"); return REAL(setenv)(name, value, over); }
int pthread_mutex_trylock(pthread_mutex_t *mutex) { say("trylock"); return REAL(pthread_mutex_trylock)(mutex); }
void syslog(int priority, const char *format, ...) { (void)priority; say("syslog"); say(format); }
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    say("syscall");
    return REAL(syscall)(number, a, b, c);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    say("create");
    return REAL(pthread_create)(thread, attributes, routine, argument);
}
"#;

/// Calls each of them once, and ends by the function that `argv[1]` names.
const CALLER: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *nothing(void *unused) { return unused; }
static void see_off(pid_t child) {
    int status;
    if (child == 0) syscall(SYS_exit_group, 0);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) abort();
}
int main(int count, char **words) {
    pthread_t thread;
    char *none[] = {NULL};
    if (count != 2) abort();
    see_off(fork());
    see_off(_Fork());
    random();
    if (execve("/no/such/program", none, none) != -1) abort();
    if (setenv("NAME", "value", 1) != 0) abort();
    if (pthread_mutex_trylock(&mutex) != 0) abort();
    syslog(LOG_INFO, "format %d", 1);
    if (syscall(SYS_getpid) != getpid()) abort();
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) abort();
    if (!strcmp(words[1], "_exit")) _exit(0);
    if (!strcmp(words[1], "_Exit")) _Exit(0);
    if (!strcmp(words[1], "quick_exit")) quick_exit(0);
    return 9;
}
"#;

fn compile(folder: &Folder, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let (file, result) = (folder.join(&format!("{name}.c")), folder.join(name));
    fs::write(&file, source).expect("a source can be written");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler
        .args(["-O1", "-g", "-pthread"])
        .args(flags)
        .arg("-o")
        .arg(&result)
        .arg(&file);
    assert!(compiler.status().is_ok_and(|status| status.success()), "{compiler:?}");
    result
}

/// Runs a command with these libraries loaded first, and the report off.
fn preloaded(folder: &Folder, command: &mut Command, libraries: &[&Path]) -> Run {
    let list: Vec<_> = libraries.iter().map(|library| library.display().to_string()).collect();
    let variables = BTreeMap::from([
        (String::from("LD_PRELOAD"), list.join(":")),
        (String::from("FORKWATCH_LOG"), folder.join("log").display().to_string()),
        (String::from("FORKWATCH_TEXT"), String::from("off")),
    ]);
    run(command, &variables, folder)
}

#[test]
fn each_hook_goes_on_to_the_next_preloaded_definition() {
    let folder = Folder::new("next");
    let next = compile(&folder, "next.so", NEXT, &["-shared", "-fPIC"]);
    let caller = compile(&folder, "caller", CALLER, &[]);
    for end in ["_exit", "_Exit", "quick_exit"] {
        let own = preloaded(&folder, Command::new(&caller).arg(end), &[&next]);
        let both = preloaded(&folder, Command::new(&caller).arg(end), &[&library(), &next]);
        assert_eq!(
            (&own.end, &both.end),
            (&End::Exit(0), &End::Exit(0)),
            "{end}: {own:?} {both:?}"
        );
        assert_eq!(own.stdout, both.stdout, "{end}");
        assert_eq!(
            own.stdout.lines().filter(|line| *line == format!("next {end}")).count(),
            1,
            "{end}"
        );
        assert_eq!(own.stdout.lines().count(), 13, "{end}: {own:?}");
    }
}

/// The runtime of a sanitizer, as the compiler knows it.
fn runtime(name: &str) -> Option<PathBuf> {
    let output = Command::new("cc")
        .arg(format!("-print-file-name={name}"))
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_absolute().then(|| fs::canonicalize(path).ok()).flatten()
}

#[test]
fn a_sanitizers_runtime_may_come_first() {
    for (sanitizer, name) in [("address", "libasan.so"), ("thread", "libtsan.so")] {
        let Some(runtime) = runtime(name) else {
            println!("skipped: the compiler has no {name}");
            continue;
        };
        let folder = Folder::new(sanitizer);
        let program = compile(&folder, "program", PROGRAM, &[&format!("-fsanitize={sanitizer}")]);
        let plain = compile(&folder, "plain", PROGRAM, &[]);
        for program in [&program, &plain] {
            let bare = preloaded(&folder, &mut Command::new(program), &[&runtime]);
            assert_eq!(bare.end, End::Exit(0), "{sanitizer}: {bare:?}");
            for _ in 0..5 {
                let watched = preloaded(&folder, &mut Command::new(program), &[&runtime, &library()]);
                assert_eq!(
                    (&watched.end, &watched.stdout),
                    (&bare.end, &bare.stdout),
                    "{sanitizer}: {watched:?}"
                );
            }
        }
        let records = fs::read_to_string(folder.join("log")).expect("the forks were reported");
        assert_eq!(
            records.matches(r#""kind":"unsafe_fork""#).count(),
            10,
            "{sanitizer}: {records}"
        );
    }
}

#[test]
fn a_sanitizers_runtime_that_comes_second_says_so_itself() {
    if runtime("libasan.so").is_none() {
        return println!("skipped: the compiler has no libasan.so");
    }
    let folder = Folder::new("second");
    let program = compile(&folder, "program", PROGRAM, &["-fsanitize=address"]);
    let run = preloaded(&folder, &mut Command::new(program), &[&library()]);
    assert!(run.stderr.contains("ASan runtime does not come first"), "{run:?}");
    assert_eq!(run.end, End::Exit(1), "{run:?}");
}

#[test]
fn valgrind_runs_a_watched_program() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return println!("skipped: valgrind is not installed");
    }
    let folder = Folder::new("valgrind");
    let program = compile(&folder, "program", PROGRAM, &[]);
    // DRD's own library is linked without libc: its conditions are of the old form (`robust_old_conditions`).
    for tool in ["none", "memcheck", "helgrind", "drd"] {
        let mut command = Command::new("valgrind");
        command.args([&format!("--tool={tool}"), "-q"]).arg(&program);
        let run = preloaded(&folder, &mut command, &[&library()]);
        assert_eq!(
            (&run.end, run.stdout.as_str()),
            (&End::Exit(0), "fine\n"),
            "{tool}: {run:?}"
        );
    }
    let records = fs::read_to_string(folder.join("log")).expect("the forks were reported");
    assert_eq!(records.matches(r#""kind":"unsafe_fork""#).count(), 4, "{records}");
}
