//! Our own lock: it excludes, nobody sleeps for ever, and a child begins with a free one.

use std::time::Duration;

use forkwatch_state::own_lock::OwnLock;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

struct Guarded {
    lock: OwnLock<Kernel>,
    count: UnsafeCell<u32>,
}

// SAFETY: what the model is about.
unsafe impl Send for Guarded {}
// SAFETY: what the model is about.
unsafe impl Sync for Guarded {}

fn guarded() -> Arc<Guarded> {
    Arc::new(Guarded {
        lock: OwnLock::new(),
        count: UnsafeCell::new(0),
    })
}

impl Guarded {
    fn add(&self) {
        // SAFETY: the caller holds the lock.
        self.count.with_mut(|count| unsafe { *count += 1 });
        self.lock.release();
    }

    fn count(&self) -> u32 {
        self.lock.acquire();
        // SAFETY: this thread holds the lock.
        let count = self.count.with(|count| unsafe { *count });
        self.lock.release();
        count
    }
}

#[test]
fn it_excludes_and_wakes() {
    model(2, || {
        let guarded = guarded();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.lock.acquire();
                    guarded.add();
                })
            })
            .collect();
        guarded.lock.acquire();
        guarded.add();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(guarded.count(), 3);
    });
}

#[test]
fn an_attempt_that_times_out_does_not_take_it() {
    model(3, || {
        let guarded = guarded();
        let hasty = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                let had = guarded.lock.acquire_within(Duration::from_millis(5));
                if had {
                    guarded.add();
                }
                u32::from(had)
            })
        };
        guarded.lock.acquire();
        guarded.add();
        let had = hasty.join().unwrap();
        assert_eq!(guarded.count(), 1 + had);
    });
}

#[test]
fn a_child_begins_with_a_free_one() {
    model(2, || {
        let guarded = guarded();
        guarded.lock.acquire();
        guarded.lock.forget_in_child();
        assert!(guarded.lock.try_acquire());
        guarded.add();
        assert_eq!(guarded.count(), 1);
    });
}
