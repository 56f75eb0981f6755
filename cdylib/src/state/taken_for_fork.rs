//! The locks of Python code that this thread has taken for its fork: see `watch::settle::python`.
//!
//! Each thread has a list of its own, behind one of its words: a list for all would need a lock, which a thread could hold while another forks
//! without the interpreter lock.
#![expect(unsafe_code, reason = "a thread word holds a box")]

use crate::system::python_lock_calls::TakenLock;
use crate::system::thread_word::{self, Word};

/// This thread has taken a lock.
pub fn add(lock: TakenLock) {
    match list() {
        Some(taken) => taken.push(lock),
        None => thread_word::set(Word::TakenForFork, Box::into_raw(Box::new(vec![lock])) as usize),
    }
}

/// The lock that this thread took last, which is no longer in its list.
pub fn take_newest() -> Option<TakenLock> {
    let newest = list()?.pop();
    if newest.is_none() {
        let place = thread_word::get(Word::TakenForFork) as *mut Vec<TakenLock>;
        thread_word::set(Word::TakenForFork, 0);
        // SAFETY: only `add` sets the word, to a box that it owned, and the word was cleared just now.
        drop(unsafe { Box::from_raw(place) });
    }
    newest
}

/// Whether this thread has taken the lock that is this object.
pub fn contains(object: usize) -> bool {
    list().is_some_and(|taken| taken.iter().any(|lock| lock.object() == object))
}

fn list() -> Option<&'static mut Vec<TakenLock>> {
    let place = thread_word::get(Word::TakenForFork) as *mut Vec<TakenLock>;
    // SAFETY: only `add` sets the word, to a box that it owned; only this thread reaches it, and one reference at a time is used.
    unsafe { place.as_mut() }
}
