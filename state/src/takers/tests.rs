use super::entry::{APART, ENOUGH};
use super::{MAX_ENTRIES, MAX_FRUITLESS, Taken, Takers, Taking, WAYS};
use crate::depot::{NO_STACK, StackId};
use crate::held::Object;
use crate::system::System;
use crate::system::tests::Kernel;

const LOCK: usize = 0x7f00_0000_1000;
const GATE: usize = 0x7f00_0000_2000;

/// The kernel's zeroed memory, as threads' records have it.
fn table() -> &'static Takers {
    let place = Kernel::reserve(size_of::<Takers>()).unwrap();
    // SAFETY: all of it is atomic integers, for which zero is valid, and the memory stays.
    #[expect(unsafe_code, reason = "a zeroed table")]
    unsafe {
        place.cast::<Takers>().as_ref()
    }
}

fn taking(now: u64) -> Taking<'static> {
    Taking {
        address: LOCK,
        object: Object::Mutex,
        stack: StackId(7),
        python: NO_STACK,
        gates: &[],
        under_interpreter_lock: false,
        now,
    }
}

fn taken(takers: &Takers) -> Taken {
    takers.taken(LOCK, Object::Mutex).unwrap()
}

#[test]
fn a_lock_is_settled_once_it_was_taken_at_two_times_that_lie_apart() {
    let takers = table();
    assert!(!takers.knows(LOCK, Object::Mutex) && takers.taken(LOCK, Object::Mutex).is_none());
    takers.note(&taking(10));
    takers.note(&taking(11));
    assert!(!takers.knows(LOCK, Object::Mutex) && !taken(takers).is_recurrent);
    takers.note(&taking(10 + APART));
    assert!(takers.knows(LOCK, Object::Mutex) && taken(takers).is_recurrent);
    assert_eq!(
        (taken(takers).stack, taken(takers).object, taken(takers).first),
        (StackId(7), Object::Mutex, 10)
    );
    assert!(!takers.knows(LOCK + 8, Object::Mutex));
}

#[test]
fn what_was_taken_only_before_the_thread_told_something_is_no_danger() {
    let takers = table();
    takers.note(&taking(0));
    takers.note(&taking(APART));
    takers.tell();
    assert!(!takers.knows(LOCK, Object::Mutex), "the next acquisition must be noted");
    assert!(!taken(takers).is_recurrent);
    takers.note(&taking(2 * APART));
    assert!(takers.knows(LOCK, Object::Mutex) && taken(takers).is_recurrent);
}

#[test]
fn a_thread_that_tells_something_each_time_still_takes_the_lock_again() {
    let takers = table();
    for round in 0..4 {
        takers.note(&taking(round * APART));
        takers.tell();
        takers.tell();
    }
    assert!(taken(takers).is_recurrent);
    (0..5).for_each(|_| takers.tell());
    assert!(!taken(takers).is_recurrent, "far longer ago than ever before");
}

const CONDITIONS: usize = 0x7f00_0000_3000;
const WAITERS: usize = 0x7f00_0000_4000;

#[test]
fn a_thread_that_tries_its_own_lock_tells_something_unless_it_then_waits() {
    let takers = table();
    takers.note(&taking(0));
    takers.note(&taking(APART));
    takers.tries_own(CONDITIONS);
    assert!(!taken(takers).is_recurrent, "it woke whoever waits");
    takers.waits_for_own(WAITERS, || false);
    assert!(!taken(takers).is_recurrent, "another wait");

    let waiting = table();
    waiting.note(&taking(0));
    waiting.note(&taking(APART));
    waiting.tries_own(CONDITIONS);
    waiting.makes(WAITERS);
    waiting.tries_own(WAITERS);
    waiting.waits_for_own(WAITERS, || false);
    assert!(taken(waiting).is_recurrent);
    waiting.tries_own(CONDITIONS);
    waiting.waits_for_own(CONDITIONS, || false);
    assert!(taken(waiting).is_recurrent, "a try, then a wait for the same");
    waiting.tries_own(CONDITIONS);
    waiting.makes(WAITERS);
    waiting.waits_for_own(WAITERS, || true);
    assert!(!taken(waiting).is_recurrent, "at a barrier");
}

#[test]
fn only_gates_that_were_held_each_time_count() {
    let takers = table();
    let under = |gates| Taking { gates, ..taking(0) };
    takers.note(&under(&[GATE, GATE + 64]));
    takers.note(&Taking {
        now: APART,
        ..under(&[GATE])
    });
    assert!(!takers.knows(LOCK, Object::Mutex), "it may yet be taken without");
    assert_eq!(taken(takers).gates, [GATE, 0, 0]);
    (0..ENOUGH).for_each(|_| {
        takers.note(&Taking {
            now: APART,
            ..under(&[GATE])
        })
    });
    assert!(takers.knows(LOCK, Object::Mutex));
    let takers = table();
    takers.note(&under(&[GATE]));
    takers.note(&taking(APART));
    assert_eq!((taken(takers).gates, takers.knows(LOCK, Object::Mutex)), ([0; 3], true));
}

#[test]
fn a_lock_kept_while_the_interpreter_lock_is_left_is_not_under_it() {
    let takers = table();
    let under = |now| Taking {
        under_interpreter_lock: true,
        ..taking(now)
    };
    takers.note(&under(0));
    takers.note(&under(APART));
    assert!(taken(takers).under_interpreter_lock && !takers.knows(LOCK, Object::Mutex));
    takers.leaves_interpreter_lock(LOCK);
    assert!(!taken(takers).under_interpreter_lock);
    takers.note(&under(APART));
    assert!(takers.knows(LOCK, Object::Mutex), "nothing more is to be learnt");
    assert!(!taken(takers).under_interpreter_lock);
}

#[test]
fn reading_and_writing_are_told_apart() {
    let takers = table();
    let read = |now| Taking {
        object: Object::RwlockRead,
        ..taking(now)
    };
    takers.note(&read(0));
    takers.note(&read(APART));
    assert!(takers.knows(LOCK, Object::RwlockRead) && !takers.knows(LOCK, Object::RwlockWrite));
    assert!(takers.taken(LOCK, Object::RwlockWrite).is_none());
    assert_eq!(
        takers.taken(LOCK, Object::RwlockRead).unwrap().object,
        Object::RwlockRead
    );
}

#[test]
fn locks_whose_keys_collide_are_known_as_far_as_there_is_room() {
    let takers = table();
    // The same place for all.
    let same_place: Vec<usize> = (0..1 << 20)
        .map(|number| LOCK + (number << 3))
        .filter(|&address| super::place_of(address) == super::place_of(LOCK))
        .take(WAYS + 1)
        .collect();
    let at = |address, now| Taking { address, ..taking(now) };
    for &address in &same_place {
        takers.note(&at(address, 0));
        takers.note(&at(address, APART));
    }
    let known = |address: &&usize| takers.taken(**address, Object::Mutex).is_some();
    assert_eq!(same_place.iter().filter(known).count(), WAYS, "the last finds no room");
    takers.tell();
    takers.note(&at(same_place[WAYS], 0));
    assert!(
        takers.taken(same_place[WAYS], Object::Mutex).is_some(),
        "one that was not taken since makes room"
    );
}

#[test]
fn a_reused_record_knows_nothing() {
    let takers = table();
    takers.note(&taking(0));
    takers.tell();
    takers.clear();
    assert!(takers.taken(LOCK, Object::Mutex).is_none());
    takers.note(&taking(5));
    assert_eq!(taken(takers).first, 5);
}

#[test]
fn a_thread_with_more_locks_than_there_is_room_for_is_left_alone() {
    let takers = table();
    let at = |number: usize, now| Taking {
        address: LOCK + 40 * number,
        ..taking(now)
    };
    for round in 0..MAX_FRUITLESS as u64 {
        takers.note(&taking(round * APART));
        (1..1_000).for_each(|number| takers.note(&at(number, round * APART)));
        if takers.knows(LOCK + 40 * 999, Object::Mutex) {
            break;
        }
    }
    assert!((0..1_000).all(|number| takers.knows(LOCK + 40 * number, Object::Mutex)));
    let known = (0..1_000).filter(|number| takers.taken(LOCK + 40 * number, Object::Mutex).is_some());
    assert_eq!(known.count(), MAX_ENTRIES, "each in an entry of its own");
    assert!(taken(takers).is_recurrent, "what was noted before stays");
    takers.tell();
    assert!(
        takers.knows(LOCK, Object::Mutex) && taken(takers).is_recurrent,
        "nothing more is noted"
    );
    takers.clear();
    assert!(!takers.knows(LOCK, Object::Mutex) && takers.taken(LOCK, Object::Mutex).is_none());
}

#[test]
fn where_python_code_takes_a_lock_is_looked_up_once_and_only_of_one_that_is_taken_again_later() {
    let takers = table();
    let lacks = |now| takers.lacks_python(LOCK, Object::Mutex, now);
    assert!(!lacks(APART), "a lock that is not known");
    takers.note(&taking(10));
    assert!(!lacks(10 + APART - 1) && lacks(10 + APART));
    let python = |number| Taking {
        python: StackId(number),
        ..taking(10 + APART)
    };
    takers.note(&python(9));
    assert!(!lacks(10 + APART));
    takers.note(&python(11));
    assert_eq!(taken(takers).python, StackId(9));
}
