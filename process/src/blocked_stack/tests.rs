//! Blocked threads of real programs, unwound from outside.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::memory::ProcessMemory;
use crate::resolver::{Naming, Resolver};

/// Threads that each block in another call, below functions that say so, and a thread in a signal handler.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define CALLED __attribute__((noinline, noclone))
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, door = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t ready;
static sem_t empty;
static int pipe_ends[2];
static volatile int sink;
CALLED static void in_read(void) { char c[100]; if (read(pipe_ends[0], c, 1)) sink = c[0]; }
CALLED static void in_mutex(void) { pthread_mutex_lock(&held); sink++; }
CALLED static void in_cond(void) { pthread_mutex_lock(&door); pthread_cond_wait(&bell, &door); sink++; }
CALLED static void in_sem(void) { sem_wait(&empty); sink++; }
CALLED static void in_sleep(void) { struct timespec t = {1000, 0}; nanosleep(&t, 0); sink++; }
CALLED static void in_poll(void) { struct pollfd p = {pipe_ends[0], POLLIN, 0}; poll(&p, 1, -1); sink++; }
CALLED static void handler(int s) { pause(); sink = s; }
CALLED static void in_signal(void) { raise(SIGUSR1); sink++; }
CALLED static int futex(int *word) { int end = (int)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, 0); return end + sink; }
CALLED static void in_futex(void) { static int word; sink += futex(&word); }
typedef void (*blocker)(void);
static blocker blockers[] = {in_read, in_mutex, in_cond, in_sem, in_sleep, in_poll, in_futex, in_signal};
static const char *names[] = {"read", "mutex", "cond", "sem", "sleep", "poll", "futex", "signal"};
static __thread blocker mine;
CALLED static int compare(const void *a, const void *b) { mine(); return *(char *)a - *(char *)b; }
CALLED static void sorting(int n) { char v[2] = {2, 1}; qsort(v, 2, 1, compare); sink += n; }
CALLED static void deep(int n) {
    char *room = alloca(16 * (n + 1)); memset(room, n, 16 * (n + 1));
    if (n) deep(n - 1); else sorting(n);
    sink += room[n];
}
static void *start(void *number) {
    size_t n = (size_t)number;
    mine = blockers[n];
    printf("%ld %s\n", syscall(SYS_gettid), names[n]);
    fflush(stdout);
    pthread_barrier_wait(&ready);
    deep(5);
    return 0;
}
int main(void) {
    const size_t count = sizeof blockers / sizeof *blockers;
    pthread_t thread;
    sem_init(&empty, 0, 0);
    pthread_mutex_lock(&held);
    signal(SIGUSR1, handler);
    if (pipe(pipe_ends)) return 1;
    pthread_barrier_init(&ready, 0, count + 1);
    for (size_t n = 0; n < count; n++) pthread_create(&thread, 0, start, (void *)n);
    pthread_barrier_wait(&ready);
    pause();
}
"#;

struct Running {
    child: Child,
    folder: PathBuf,
    threads: Vec<(i32, String)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// The program built with `options`, all its threads blocked.
fn start(options: &str) -> Running {
    let folder = std::env::temp_dir().join(format!("forkwatch-stack-{}{options}", std::process::id()).replace(' ', ""));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("blocked.c"), folder.join("blocked"));
    std::fs::write(&source, PROGRAM).unwrap();
    let mut compiler = Command::new("cc");
    let built = compiler
        .args(options.split(' '))
        .arg("-pthread")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status();
    assert!(built.unwrap().success());
    let mut child = Command::new(&program).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let threads: Vec<_> = lines
        .take(8)
        .map(|line| {
            let line = line.unwrap();
            let (tid, name) = line.split_once(' ').unwrap();
            (tid.parse().unwrap(), name.to_owned())
        })
        .collect();
    Running { child, folder, threads }
}

/// Program counter and stack pointer of a blocked thread.
fn blocked_at(pid: u32, tid: i32) -> Option<(usize, usize)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap();
    let mut numbers = text.split_whitespace().rev();
    let mut number = || usize::from_str_radix(numbers.next()?.strip_prefix("0x")?, 16).ok();
    let (counter, stack_pointer) = (number()?, number()?);
    Some((counter, stack_pointer))
}

fn check(options: &str) {
    let running = start(options);
    let pid = running.child.id();
    let memory = ProcessMemory::of(pid.try_into().unwrap()).unwrap();
    let text = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
    let mut resolver = Resolver::with_modules(Naming::Names, Modules::from_text(&text, memory));
    let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
    for (tid, name) in &running.threads {
        let mut expected = vec![format!("in_{name}"), "compare".into(), "sorting".into()];
        expected.extend(vec!["deep".to_owned(); 6]);
        expected.push("start".into());
        if name == "futex" {
            expected.insert(0, "futex".into());
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        // A thread may not have come to its call yet.
        let named = loop {
            let Some((counter, stack_pointer)) = blocked_at(pid, *tid) else {
                continue;
            };
            let begun = Instant::now();
            let ips = unwinder.stack(counter, stack_pointer, 64);
            let cost = begun.elapsed();
            let frames = resolver.frames(&ips, true);
            let named: Vec<_> = frames
                .into_iter()
                .map(|frame| frame.symbol.unwrap_or_default())
                .collect();
            let ours: Vec<_> = named.iter().filter(|name| expected.contains(name)).cloned().collect();
            if ours == expected {
                eprintln!("{options} {name}: {cost:?} {}", named.len());
                break named;
            }
            assert!(Instant::now() < deadline, "{options} {name}: {named:?}");
        };
        // On aarch64 the start of a thread has a name only where libc has all its symbols.
        let last = named.last().unwrap();
        let is_known = if cfg!(target_arch = "x86_64") {
            last.contains("clone")
        } else {
            last.is_empty() || last == "thread_start"
        };
        assert!(is_known, "{options} {name}: {named:?}");
        assert_eq!(named.contains(&"handler".to_owned()), name == "signal");
    }
    let begun = Instant::now();
    for _ in 0..100 {
        for (tid, _) in &running.threads {
            let (counter, stack_pointer) = blocked_at(pid, *tid).unwrap();
            assert!(unwinder.stack(counter, stack_pointer, 16).len() > 10);
        }
    }
    eprintln!("{options}: {:?} a thread", begun.elapsed() / 800);
}

#[test]
fn blocked_threads_are_unwound_in_optimised_code() {
    check("-O2");
}

#[test]
fn blocked_threads_are_unwound_in_code_with_frame_pointers() {
    check("-O2 -fno-omit-frame-pointer");
}

#[test]
fn blocked_threads_are_unwound_in_plain_code() {
    check("-O0 -no-pie");
}
