//! Three threads start and join short threads all the time while another forks: each must run its own closure, once, and
//! release its own value.
//!
//! expect: at-most ERROR
//! suppress: unsafe_fork:*

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use forkwatch_test_programs::fork_and;

const FORKS: usize = 100;
const LEAST_ROUNDS: usize = 400;
const AT_ONCE: usize = 4;

static STOP: AtomicBool = AtomicBool::new(false);
static WRONG: AtomicUsize = AtomicUsize::new(0);
static ROUNDS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

fn spawner(number: usize) {
    while !STOP.load(Ordering::SeqCst) {
        let round = ROUNDS[number].fetch_add(1, Ordering::SeqCst);
        let values: Vec<usize> = (0..AT_ONCE).map(|n| (round * AT_ONCE + n) * 3 + number).collect();
        let started: Vec<_> = values
            .iter()
            .map(|&value| {
                let text = value.to_string();
                thread::spawn(move || text.parse::<usize>())
            })
            .collect();
        for (thread, value) in started.into_iter().zip(values) {
            if thread.join().ok().and_then(Result::ok) != Some(value) {
                WRONG.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

fn main() -> ExitCode {
    let spawners: Vec<_> = (0..3).map(|number| thread::spawn(move || spawner(number))).collect();
    let enough = || {
        ROUNDS
            .iter()
            .all(|rounds| rounds.load(Ordering::SeqCst) >= LEAST_ROUNDS)
    };
    let mut forks = 0;
    while forks < FORKS || !enough() {
        let child = fork_and(|| {});
        let mut status = 0;
        // SAFETY: `status` is ours.
        let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert!(ended == child && status == 0, "the child ends well");
        forks += 1;
    }
    STOP.store(true, Ordering::SeqCst);
    for spawner in spawners {
        assert!(spawner.join().is_ok(), "each spawner ends well");
    }
    let wrong = WRONG.load(Ordering::SeqCst);
    println!("{wrong} threads gave another's value");
    ExitCode::from(u8::from(wrong != 0))
}
