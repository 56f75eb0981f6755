//! One thread's table, used by that thread and by one that looks at it.

use super::{Held, MAX_HELD, Object, Stage};
use crate::depot::StackId;
use crate::system::System;
use crate::system::tests::Kernel;

fn table() -> &'static Held {
    let place = Kernel::reserve(size_of::<Held>()).unwrap().cast::<Held>();
    // SAFETY: all-zero is the table's valid first state, as its documentation says, and it is never given back.
    #[expect(unsafe_code, reason = "a zeroed table, as the kernel gives it")]
    unsafe {
        place.as_ref()
    }
}

fn take(held: &Held, address: usize) {
    let ticket = held.ask(address, Object::Mutex, 1000, StackId(1));
    held.took(
        ticket
            .or_else(|| held.ask_slowly(address, Object::Mutex, 1000, StackId(1)))
            .unwrap(),
    );
}

fn addresses(held: &Held) -> Vec<usize> {
    held.entries()
        .filter(|entry| entry.stage == Stage::Held)
        .map(|entry| entry.address)
        .collect()
}

#[test]
fn locks_come_and_go_in_any_order() {
    let held = table();
    for address in 1..=4 {
        take(held, address);
    }
    assert!(held.release(2) && !held.release(2));
    assert_eq!(addresses(held), [1, 3, 4]);
    assert!(held.release(3) && held.release(1) && held.release(4));
    assert_eq!(held.entries().count(), 0);
}

#[test]
fn a_recursive_lock_needs_as_many_releases() {
    let held = table();
    take(held, 9);
    take(held, 9);
    assert!(held.release(9) && held.holds(9) && held.release(9) && !held.holds(9));
}

#[test]
fn a_handler_between_asking_and_taking_leaves_the_table_sound() {
    let held = table();
    take(held, 1);
    let outer = held.ask(2, Object::Mutex, 900, StackId(1)).unwrap();
    take(held, 3);
    assert!(
        held.release(1),
        "the handler releases an outer lock below the asked slot"
    );
    assert!(held.release(3));
    held.took(outer);
    assert_eq!(addresses(held), [2]);
    assert!(held.release(2));
    assert_eq!(held.entries().count(), 0);
}

#[test]
fn of_calls_that_never_refuse_only_the_newest_may_still_be_asked_for() {
    let held = table();
    assert!(held.ask_infallible(1, Object::Mutex, 900, StackId(1)));
    assert!(held.ask_infallible(2, Object::Mutex, 800, StackId(2)));
    let stages: Vec<_> = held.entries().map(|entry| entry.stage).collect();
    assert_eq!(stages, [Stage::Held, Stage::AskedOrHeld]);
    held.set_released_by_wait(2, true);
    assert!(held.holds(1) && !held.holds(2));
    held.set_released_by_wait(2, false);
    assert!(held.holds(2) && held.release(2) && held.release(1) && held.is_empty());
}

#[test]
fn a_condition_wait_gives_the_mutex_back_and_takes_it_again() {
    let held = table();
    take(held, 5);
    held.set_released_by_wait(5, true);
    assert!(!held.holds(5));
    held.set_released_by_wait(5, false);
    assert!(held.holds(5));
}

#[test]
fn what_was_held_at_the_fork_is_released_as_inherited() {
    let held = table();
    take(held, 8);
    held.inherit();
    take(held, 12);
    assert!(!held.release(8) && held.holds(8));
    assert_eq!(addresses(held), [8, 12]);
    assert_eq!(held.release_inherited(8).unwrap().address, 8);
    assert!(held.release_inherited(8).is_none() && held.release_inherited(12).is_none());
    assert!(held.release(12) && held.is_empty());
}

/// Of 200 locks that were held at the fork, only the newest is marked before something else asks.
fn inherited() -> &'static Held {
    let held = table();
    (1..=200).for_each(|address| take(held, address));
    held.inherit();
    held
}

#[test]
fn a_lock_held_at_the_fork_is_known_as_such_whatever_asks_first() {
    assert_eq!(inherited().inherited(100).unwrap().address, 100);
    assert!(!inherited().release(1) && !inherited().release(200));
    assert!(!inherited().release_newest(200));
    let held = inherited();
    held.disown(70);
    assert!(held.inherited(70).is_some(), "it is nobody else's to release");
    let held = inherited();
    assert!(held.release_inherited(200).is_some() && !held.release_newest(199));
    assert!(held.release_inherited(50).is_some());
}

#[test]
fn a_place_that_is_used_again_is_not_inherited() {
    let held = table();
    (1..=200).for_each(|address| take(held, address));
    assert!(held.release(50));
    held.inherit();
    take(held, 201);
    assert!(held.inherited(201).is_none() && held.release(201));
    assert!(held.inherited(199).is_some());
    let held = inherited();
    held.clear();
    take(held, 201);
    assert!(held.inherited(201).is_none() && held.release(201), "another thread's");
}

#[test]
fn calls_into_libc_that_were_left_are_dropped() {
    let held = table();
    take(held, 8);
    held.took(held.ask(12, Object::LibcRegion, 500, StackId(1)).unwrap());
    held.took(held.ask(16, Object::LibcRegion, 2000, StackId(1)).unwrap());
    held.drop_left_regions(1000);
    assert_eq!(addresses(held), [8, 16]);
}

#[test]
fn another_thread_can_disown() {
    let held = table();
    take(held, 5);
    take(held, 6);
    held.disown(5);
    assert_eq!(addresses(held), [6]);
    assert!(held.release(6));
    assert_eq!(held.entries().count(), 0);
}

#[test]
fn a_full_table_counts_and_recovers_from_longjmp() {
    let held = table();
    for _ in 0..MAX_HELD {
        let _left_by_longjmp = held.ask_slowly(1, Object::Semaphore, 500, StackId(1)).unwrap();
    }
    assert!(held.ask_slowly(2, Object::Semaphore, 1000, StackId(1)).is_none());
    held.drop_one(1000);
    assert_eq!(held.dropped(), 1);
    take(held, 3);
    assert_eq!(addresses(held), [3]);
}

#[test]
fn hand_over_hand_fills_holes_again() {
    let held = table();
    take(held, 1);
    for next in 2..10_000 {
        take(held, next);
        assert!(held.release(next - 1));
    }
    assert_eq!(addresses(held), [9_999]);
    assert!(
        held.used().len() <= super::HOT as usize + 1,
        "the table has not grown on"
    );
    assert!(held.release(9_999) && held.is_empty());
    (0..MAX_HELD).for_each(|address| take(held, address));
    assert!((0..MAX_HELD).all(|address| held.release(address)) && held.is_empty());
}
