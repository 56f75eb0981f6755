//! A fork after every thread of the standard library was joined, 100 times.
//!
//! expect: silent

use forkwatch_test_programs::{FINE, fork_and, verdict};

fn main() {
    let mut worst = FINE;
    for round in 0..100 {
        let given = std::thread::spawn(move || round).join().expect("the thread ends");
        assert_eq!(given, round);
        worst |= verdict(fork_and(|| {}));
    }
    std::process::exit(worst);
}
