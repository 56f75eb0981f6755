//! A fork after every thread of the standard library was joined, 100 times.
//!
//! expect: silent

use forkwatch_test_programs::{FINE, fork_and, verdict};

fn main() {
    let mut worst = FINE;
    for _round in 0..100 {
        std::thread::spawn(|| {}).join().expect("the thread ends");
        worst |= verdict(fork_and(|| {}));
    }
    std::process::exit(worst);
}
