//! The gate: once it is closed and no entry is left, no other thread takes a lock, until it opens.

use forkwatch_state::depot::StackId;
use forkwatch_state::gate::Gate;
use forkwatch_state::held::{Held, Object, Stage, Ticket};
use forkwatch_state::record::Record;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering, fence};
use loom::thread;

use crate::{Kernel, model};

const LOCK: usize = 0x10;
const MUTEX: usize = 0x20;

struct Process {
    gate: Gate<Kernel>,
    worker: Record,
    forker: Record,
    /// Relaxed, so that it orders nothing: the worker is between taking its lock and giving it back.
    is_inside: AtomicBool,
    /// The mutex of the worker's wait for a condition, which libc takes again when the wait ends. Ordered as a mutex is.
    is_taken_again: AtomicBool,
}

impl Process {
    fn new(worker_is_hot: bool) -> Arc<Self> {
        let process = Self {
            gate: Gate::new(),
            worker: Record::zeros(),
            forker: Record::zeros(),
            is_inside: AtomicBool::new(false),
            is_taken_again: AtomicBool::new(false),
        };
        process.worker.set_stack(0x1000, 0x1000, worker_is_hot);
        Arc::new(process)
    }

    /// A lock call of the worker, as the hooks make it.
    fn lock_and_unlock(&self) {
        let ticket = self.ask().expect("a slot is free");
        let ticket = if self.worker.is_hot() {
            ticket
        } else {
            let may_wait = || !self.worker.held.entries().any(|entry| entry.stage == Stage::Held);
            let wait = || {
                thread::yield_now();
                true
            };
            let passed = self
                .gate
                .pass(&self.worker, ticket, true, may_wait, wait, || self.ask());
            passed.expect("a slot is free")
        };
        self.worker.held.took(ticket);
        self.is_inside.store(true, Ordering::Relaxed);
        self.is_inside.store(false, Ordering::Relaxed);
        assert!(self.worker.held.release(LOCK));
    }

    fn ask(&self) -> Option<Ticket<'_>> {
        self.worker.held.ask(LOCK, Object::Mutex, 1000, StackId(1))
    }

    /// A fork, as the library prepares it: true if nothing was held.
    fn fork(&self) -> bool {
        let closing = self.gate.close(&self.forker).expect("it is open");
        self.gate
            .take_off_hot_paths([&self.worker].into_iter(), || fence(Ordering::SeqCst));
        let is_clear = is_clear(&self.worker.held);
        if is_clear {
            for _ in 0..2 {
                assert!(
                    !self.is_inside.load(Ordering::Relaxed),
                    "a lock was taken behind the gate"
                );
            }
            assert!(is_clear_still(&self.worker.held), "an entry was made behind the gate");
        }
        self.gate.open(closing);
        is_clear
    }

    /// A wait for a condition, off the hot path: from its end in libc to the end of what the thread does with the mutex.
    fn return_from_wait(&self) {
        let ticket = self.worker.held.ask(MUTEX, Object::Mutex, 1000, StackId(1));
        self.worker.held.took(ticket.expect("a slot is free"));
        self.worker.held.set_released_by_wait(MUTEX, true);
        self.is_taken_again.store(true, Ordering::Relaxed);
        assert!(!self.worker.is_hot());
        if self.gate.is_closed() {
            self.gate.stay(&self.worker, || {
                thread::yield_now();
                true
            });
        }
        self.worker.held.set_released_by_wait(MUTEX, false);
        self.is_inside.store(true, Ordering::Relaxed);
        self.is_inside.store(false, Ordering::Relaxed);
        self.is_taken_again.store(false, Ordering::Release);
        assert!(self.worker.held.release(MUTEX));
    }

    /// As the library looks: a thread at the gate keeps a mutex that the child frees.
    fn keeps_mutex_back(&self) -> bool {
        self.worker.is_at_gate()
            || self.worker.held.entries().all(|entry| match entry.stage {
                Stage::ReleasedByWait => !self.is_taken_again.load(Ordering::Acquire),
                _ => false,
            })
    }

    fn fork_beside_wait(&self) {
        let closing = self.gate.close(&self.forker).expect("it is open");
        self.gate
            .take_off_hot_paths([&self.worker].into_iter(), || fence(Ordering::SeqCst));
        if self.keeps_mutex_back() {
            for _ in 0..2 {
                assert!(
                    !self.is_inside.load(Ordering::Relaxed),
                    "a thread went on with its mutex"
                );
            }
        }
        self.gate.open(closing);
    }
}

fn is_clear(held: &Held) -> bool {
    held.entries().next().is_none()
}

/// A thread behind the gate may make an entry to withdraw it, but never one that says that it has a lock.
fn is_clear_still(held: &Held) -> bool {
    !held.entries().any(|entry| entry.stage == Stage::Held)
}

fn forks_beside(worker_is_hot: bool) {
    model(2, move || {
        let process = Process::new(worker_is_hot);
        let worker = {
            let process = Arc::clone(&process);
            thread::spawn(move || process.lock_and_unlock())
        };
        process.fork();
        worker.join().unwrap();
        assert!(process.fork(), "nothing is held in the end");
    });
}

#[test]
fn nothing_is_taken_behind_it() {
    forks_beside(true);
}

#[test]
fn nothing_is_taken_behind_it_by_a_thread_off_its_hot_path() {
    forks_beside(false);
}

/// Its gate was open when it looked, and may be closed before it is back on its hot path.
#[test]
fn a_thread_that_returns_to_its_hot_path_is_taken_off_again() {
    model(3, || {
        let process = Process::new(false);
        let worker = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                process.gate.return_to_hot_path(&process.worker);
                // The next call; behind the gate it would wait.
                let ticket = process.ask().expect("a slot is free");
                if process.worker.is_hot() {
                    process.is_inside.store(true, Ordering::Relaxed);
                    process.is_inside.store(false, Ordering::Relaxed);
                }
                process.worker.held.did_not_take(ticket);
            })
        };
        let closing = process.gate.close(&process.forker).expect("it is open");
        process
            .gate
            .take_off_hot_paths([&process.worker].into_iter(), || fence(Ordering::SeqCst));
        if is_clear(&process.worker.held) {
            assert!(
                !process.is_inside.load(Ordering::Relaxed),
                "a lock was taken behind the gate"
            );
        }
        process.gate.open(closing);
        worker.join().unwrap();
    });
}

/// The gate opens and is closed again while it makes its new entry.
#[test]
fn a_thread_that_leaves_it_sees_that_it_is_closed_again() {
    model(2, || {
        let process = Process::new(false);
        let worker = {
            let process = Arc::clone(&process);
            thread::spawn(move || process.lock_and_unlock())
        };
        process.fork();
        process.fork();
        worker.join().unwrap();
    });
}

/// The child frees its mutex, so it must not go on until the copy is made, nor as the gate opens and is closed again.
#[test]
fn a_thread_whose_wait_has_ended_stays_at_it() {
    model(2, || {
        let process = Process::new(false);
        let worker = {
            let process = Arc::clone(&process);
            thread::spawn(move || process.return_from_wait())
        };
        process.fork_beside_wait();
        process.fork_beside_wait();
        worker.join().unwrap();
        assert!(!process.worker.is_at_gate(), "it has left in the end");
    });
}

/// A signal handler has jumped away from its wait: the thread seems to be at the gate, and takes a lock.
#[test]
fn a_thread_that_jumped_away_from_the_gate_is_seen() {
    model(2, || {
        let process = Process::new(false);
        process.worker.set_at_gate(true);
        let worker = {
            let process = Arc::clone(&process);
            thread::spawn(move || process.lock_and_unlock())
        };
        let closing = process.gate.close(&process.forker).expect("it is open");
        process
            .gate
            .take_off_hot_paths([&process.worker].into_iter(), || fence(Ordering::SeqCst));
        if process.worker.is_at_gate() || is_clear(&process.worker.held) {
            assert!(
                !process.is_inside.load(Ordering::Relaxed),
                "a lock was taken behind the gate"
            );
        }
        process.gate.open(closing);
        worker.join().unwrap();
    });
}

#[test]
fn two_threads_cannot_close_it_at_once() {
    model(3, || {
        let process = Process::new(true);
        let other = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                let closing = process.gate.close(&process.worker);
                if let Some(closing) = closing {
                    assert!(process.gate.is_still(closing) && process.gate.is_closed_by(&process.worker));
                    process.gate.open(closing);
                }
            })
        };
        if let Some(closing) = process.gate.close(&process.forker) {
            assert!(process.gate.is_still(closing) && process.gate.is_closed_by(&process.forker));
            process.gate.open(closing);
        }
        other.join().unwrap();
        assert!(process.gate.close(&process.forker).is_some(), "it is open in the end");
    });
}
