//! A fork that was shown in full before.

use super::native::c_mutex;
use super::others::python;
use super::style;
use crate::again::render_again;

#[test]
fn a_further_lock_takes_three_lines() {
    let text = render_again(&c_mutex(), &style());
    let lines: Vec<&str> = text.lines().collect();
    let [head, lock, ending] = lines[..] else {
        panic!("{text}")
    };
    assert!(
        head.starts_with("forkwatch: ERROR unsafe_fork: fork() in thread"),
        "{text}"
    );
    assert!(
        lock.starts_with("forkwatch:   Lock: mutex") && lock.contains(", taken in "),
        "{text}"
    );
    assert!(
        ending.starts_with("forkwatch:   The same line forked before: fingerprint "),
        "{text}"
    );
}

#[test]
fn a_further_python_lock_is_placed_by_its_python_line() {
    let text = render_again(&python(), &style());
    assert!(text.contains(", taken in Flusher.flush (shop/logs.py:58)"), "{text}");
}
