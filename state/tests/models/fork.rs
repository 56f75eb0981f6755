//! The order of a fork: the copy finds our state whole, and no fork waits for a lock that its own thread holds.

use std::time::Duration;

use forkwatch_state::busy::{Busy, Words};
use forkwatch_state::fork::{ForkPhase, Forks};
use forkwatch_state::own_lock::OwnLock;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, ThisThread, interrupted, model};

/// Long enough for a few looks at the lock; in between, others run.
const TIMEOUT: Duration = Duration::from_millis(30);
/// Gives up while another thread has the lock.
const NO_PATIENCE: Duration = Duration::ZERO;
/// The address of a record.
const RECORD: usize = 4096;

type Those = Forks<u32, Kernel, ThisThread>;

struct Process {
    forks: Those,
    heap: OwnLock<Kernel>,
    /// What reports change, in two steps.
    reports: UnsafeCell<(u32, u32)>,
    /// What an allocation changes.
    pieces: UnsafeCell<(u32, u32)>,
}

// SAFETY: what the model is about.
unsafe impl Send for Process {}
// SAFETY: what the model is about.
unsafe impl Sync for Process {}

impl Process {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            // SAFETY: a model has one.
            forks: unsafe { Forks::only() },
            heap: OwnLock::new(),
            reports: UnsafeCell::new((0, 0)),
            pieces: UnsafeCell::new((0, 0)),
        })
    }

    /// Reports something, and keeps a piece of memory.
    fn report(&self) -> bool {
        self.forks
            .with_lock(TIMEOUT, |_| {
                // SAFETY: the report lock is held.
                self.reports.with_mut(|reports| unsafe { (*reports).0 += 1 });
                self.allocate();
                // SAFETY: as above.
                self.reports.with_mut(|reports| unsafe { (*reports).1 += 1 });
            })
            .is_some()
    }

    fn allocate(&self) {
        self.heap.acquire();
        // SAFETY: the heap's lock is held.
        self.pieces.with_mut(|pieces| unsafe {
            (*pieces).0 += 1;
            (*pieces).1 += 1;
        });
        self.heap.release();
    }

    /// A fork, with the child's view at the copy. How far it came.
    fn fork(&self, number: u32, timeout: Duration) -> ForkPhase {
        self.forks.before_copy(
            timeout,
            || {},
            |lock| self.forks.put(lock, Some(number)),
            || self.heap.acquire(),
        );
        let phase = ForkPhase::now::<ThisThread>();
        if phase == ForkPhase::Prepared {
            self.copy_is_whole();
            assert!((ThisThread::record().cast_signed()) < 0, "hooks pass straight through");
        }
        let mut kept = None;
        self.forks.in_parent(|| self.heap.release(), |_, fork| kept = fork);
        let mut reported = None;
        Those::settle(|| reported = kept);
        assert_eq!(reported, (phase == ForkPhase::Prepared).then_some(number));
        assert_eq!(ForkPhase::now::<ThisThread>(), ForkPhase::Idle);
        phase
    }

    /// What a child would find: loom finds another thread in it.
    fn copy_is_whole(&self) {
        for cell in [&self.reports, &self.pieces] {
            // SAFETY: what the model is about.
            let (one, two) = cell.with(|pair| unsafe { *pair });
            assert_eq!(one, two);
        }
    }
}

fn begin() {
    ThisThread::set_record(RECORD);
}

#[test]
fn a_copy_finds_reports_and_heap_whole() {
    let others: [fn(&Process); 2] = [
        |process| {
            process.report();
        },
        |process| process.allocate(),
    ];
    for other in others {
        for timeout in [TIMEOUT, NO_PATIENCE] {
            model(3, move || {
                let process = Process::new();
                let busy = {
                    let process = Arc::clone(&process);
                    thread::spawn(move || {
                        begin();
                        other(&process);
                    })
                };
                begin();
                let phase = process.fork(1, timeout);
                assert!(
                    matches!(phase, ForkPhase::Prepared | ForkPhase::Unprepared),
                    "{phase:?}"
                );
                busy.join().unwrap();
                assert_eq!(ThisThread::record(), RECORD);
                assert!(process.report(), "the lock is free in the end");
            });
        }
    }
}

#[test]
fn two_forks_have_each_their_own() {
    for timeout in [TIMEOUT, NO_PATIENCE] {
        model(3, move || {
            let process = Process::new();
            let other = {
                let process = Arc::clone(&process);
                thread::spawn(move || {
                    begin();
                    process.fork(2, timeout)
                })
            };
            begin();
            process.fork(1, timeout);
            other.join().unwrap();
            assert!(process.report(), "the lock is free in the end");
        });
    }
}

/// A handler forks while its thread reports, or forks: it never waits for its own thread's lock, nor goes on without it.
#[test]
fn a_fork_in_a_handler_never_waits_for_its_own_thread() {
    for work in [(|process| assert!(process.report())) as fn(&Process), |process| {
        assert_eq!(process.fork(1, TIMEOUT), ForkPhase::Prepared)
    }] {
        interrupted(0, move |interrupt, _| {
            let process = Process::new();
            let handlers = Arc::clone(&process);
            begin();
            let handler = move || {
                // What was kept for the outer fork stays with it.
                let outer = Those::set_aside(|| None);
                let phase = handlers.fork_in_handler();
                assert_ne!(phase, ForkPhase::Unprepared, "it waited for its own thread");
                Those::resume(outer, |_| {});
            };
            interrupt.during(|| work(&process), handler);
            assert_eq!(ThisThread::record(), RECORD);
            assert!(process.report(), "the lock is free in the end");
        });
    }
}

impl Process {
    /// As [`Self::fork`], where another fork may be about to be copied.
    fn fork_in_handler(&self) -> ForkPhase {
        self.forks.before_copy(TIMEOUT, || {}, |_| {}, || self.heap.acquire());
        let phase = ForkPhase::now::<ThisThread>();
        self.forks.in_parent(|| self.heap.release(), |_, _| {});
        Those::settle(|| {});
        phase
    }
}

#[test]
fn a_child_begins_with_free_locks() {
    model(1, || {
        let process = Process::new();
        begin();
        process
            .forks
            .before_copy(TIMEOUT, || {}, |_| {}, || process.heap.acquire());
        assert_eq!(process.forks.in_child(), ForkPhase::Prepared);
        process.heap.forget_in_child();
        process.forks.resume_in_child();
        assert_eq!(ThisThread::record(), RECORD);
        assert!(process.report());
        assert_eq!(process.forks.in_child(), ForkPhase::Idle);
    });
}

#[test]
fn busy_gives_back_what_was_before() {
    model(1, || {
        for word in [0, 1, RECORD] {
            ThisThread::set_record(word);
            let outer = Busy::<ThisThread>::from_here();
            assert!(Busy::<ThisThread>::enter().is_none());
            drop(Busy::<ThisThread>::from_here());
            assert!((ThisThread::record().cast_signed()) <= 1);
            drop(outer);
            assert_eq!(ThisThread::record(), word);
        }
    });
}
