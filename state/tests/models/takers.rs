//! What one thread takes: a handler that takes a lock at any access of a note, and a reader that sees the table at any moment, find no
//! entry of another lock.

use forkwatch_state::depot::{NO_STACK, StackId};
use forkwatch_state::held::Object;
use forkwatch_state::takers::{Takers, Taking};
use loom::sync::Arc;
use loom::thread;

use crate::{interrupted, model};

const LOCK: usize = 0x1000;
/// Its key goes to the same place.
const OTHER: usize = LOCK + (4 << 3);
/// So does its key, and finds both places taken.
const THIRD: usize = LOCK + (8 << 3);

fn taking(address: usize, stack: u32, now: u64) -> Taking<'static> {
    Taking {
        address,
        object: Object::Mutex,
        stack: StackId(stack),
        python: NO_STACK,
        gates: &[],
        under_interpreter_lock: false,
        now,
    }
}

const ALL: [(usize, u32); 3] = [(LOCK, 1), (OTHER, 2), (THIRD, 3)];

/// Whether what is known of a lock is its own.
fn is_its_own(takers: &Takers, (address, stack): (usize, u32)) -> bool {
    let taken = takers.taken(address, Object::Mutex);
    taken.is_none_or(|taken| taken.stack == StackId(stack))
}

fn are_of_their_locks(takers: &Takers) -> bool {
    ALL.into_iter().all(|lock| is_its_own(takers, lock))
}

#[test]
fn a_handler_notes_nothing_within_a_note() {
    interrupted(0, |first, _second| {
        let takers = Arc::new(Takers::zeros());
        let within = Arc::clone(&takers);
        first.during(
            || takers.note(&taking(LOCK, 1, 1)),
            move || within.note(&taking(OTHER, 2, 1)),
        );
        assert!(are_of_their_locks(&takers));
        assert!(takers.taken(LOCK, Object::Mutex).is_some());
    });
}

#[test]
fn a_reader_finds_no_lock_in_an_entry_that_another_one_takes_over() {
    for lock in ALL {
        model(2, move || {
            let takers = Arc::new(Takers::zeros());
            takers.note(&taking(LOCK, 1, 1));
            takers.note(&taking(OTHER, 2, 1));
            takers.tell();
            let owner = {
                let takers = Arc::clone(&takers);
                thread::spawn(move || takers.note(&taking(THIRD, 3, 1)))
            };
            assert!(is_its_own(&takers, lock));
            owner.join().unwrap();
            assert!(are_of_their_locks(&takers) && takers.taken(THIRD, Object::Mutex).is_some());
        });
    }
}

#[test]
fn a_reader_finds_each_lock_under_its_own_key() {
    for lock in ALL {
        model(2, move || {
            let takers = Arc::new(Takers::zeros());
            let owner = {
                let takers = Arc::clone(&takers);
                thread::spawn(move || {
                    takers.note(&taking(LOCK, 1, 1));
                    takers.tell();
                    takers.note(&taking(OTHER, 2, 1));
                })
            };
            assert!(is_its_own(&takers, lock));
            owner.join().unwrap();
            assert!(are_of_their_locks(&takers));
        });
    }
}
