//! The locks of a thread: signal handlers at any access, and a forking thread that reads at any time.

use std::cell::RefCell;
use std::rc::Rc;

use forkwatch_state::depot::StackId;
use forkwatch_state::held::{Held, Object, Stage};
use loom::sync::Arc;
use loom::thread;

use crate::{interrupted, model};

const SITE: StackId = StackId(1);

fn take(held: &Held, address: usize) {
    let ticket = held.ask(address, Object::Mutex, 1000, SITE);
    let ticket = ticket.or_else(|| held.ask_slowly(address, Object::Mutex, 1000, SITE));
    held.took(ticket.expect("a slot is free"));
}

fn shown(held: &Held) -> Vec<usize> {
    let mut shown: Vec<_> = held
        .entries()
        .filter(|entry| entry.stage != Stage::Asked)
        .map(|entry| entry.address)
        .collect();
    shown.sort_unstable();
    shown
}

/// A thread with a table, and what it holds.
#[derive(Clone)]
struct Owner {
    held: Arc<Held>,
    holds: Rc<RefCell<Vec<usize>>>,
}

impl Owner {
    fn new() -> Self {
        Self {
            held: Arc::new(Held::zeros()),
            holds: Rc::new(RefCell::new(Vec::new())),
        }
    }

    fn lock(&self, address: usize) {
        take(&self.held, address);
        self.holds.borrow_mut().push(address);
    }

    fn unlock(&self, address: usize) {
        self.holds.borrow_mut().retain(|held| *held != address);
        assert!(self.held.release(address), "{address} was held");
    }

    /// What is held is shown; at rest, nothing else is.
    fn must_show_all(&self, at_rest: bool) {
        let shown = shown(&self.held);
        let mut holds = self.holds.borrow().clone();
        holds.sort_unstable();
        assert!(
            holds.iter().all(|lock| shown.contains(lock)),
            "{holds:?} held, {shown:?} shown"
        );
        if at_rest {
            assert_eq!(holds, shown);
        }
    }
}

type Step = fn(&Owner);

/// What a thread does that holds 1 and 2, and unlocks no more than 2.
const WORKS: [Step; 4] = [
    |owner| owner.lock(3),
    |owner| owner.unlock(2),
    |owner| {
        owner.lock(3);
        owner.unlock(2);
        owner.unlock(3);
    },
    |owner| {
        let ticket = owner.held.ask_slowly(3, Object::Mutex, 1000, SITE);
        owner.held.did_not_take(ticket.expect("a slot is free"));
    },
];

/// What one does that unlocks 1 below 2.
const WORKS_BELOW: [Step; 2] = [
    |owner| owner.unlock(1),
    |owner| {
        owner.unlock(1);
        owner.lock(3);
        owner.unlock(3);
    },
];

const HANDLERS: [Step; 3] = [
    |owner| {
        owner.lock(8);
        owner.must_show_all(false);
        owner.unlock(8);
    },
    // Keeps what it locks.
    |owner| owner.lock(8),
    |owner| {
        let ticket = owner.held.ask_slowly(8, Object::Mutex, 900, SITE);
        owner.held.did_not_take(ticket.expect("a slot is free"));
    },
];

/// Unlocks what the thread holds.
const UNLOCKS_OUTER: Step = |owner| {
    owner.lock(8);
    owner.unlock(1);
    owner.unlock(8);
};

const LOCKS_AND_UNLOCKS: Step = |owner| {
    owner.lock(9);
    owner.unlock(9);
};

/// `work` is interrupted by `handler`, and that by a second one.
fn try_all(work: Step, handler: Step) {
    interrupted(0, move |first, second| {
        let owner = Owner::new();
        owner.lock(1);
        owner.lock(2);
        let (in_first, in_second, second) = (owner.clone(), owner.clone(), second.clone());
        let run_first = move || {
            let in_second = in_second.clone();
            second.during(
                || handler(&in_first),
                move || {
                    LOCKS_AND_UNLOCKS(&in_second);
                    in_second.must_show_all(false);
                },
            );
            in_first.must_show_all(false);
        };
        first.during(|| work(&owner), run_first);
        owner.must_show_all(true);
        let left = owner.holds.borrow().clone();
        left.into_iter().for_each(|lock| owner.unlock(lock));
        assert!(
            owner.held.is_empty(),
            "nothing stays that would fill the table: {:?}",
            owner.held
        );
    });
}

#[test]
fn handlers_may_come_at_any_access() {
    for work in WORKS.into_iter().chain(WORKS_BELOW) {
        HANDLERS.into_iter().for_each(|handler| try_all(work, handler));
    }
    WORKS.into_iter().for_each(|work| try_all(work, UNLOCKS_OUTER));
}

#[test]
fn a_lock_that_is_held_throughout_is_seen() {
    for work in WORKS.into_iter().chain(WORKS_BELOW) {
        model(3, move || {
            let owner = Owner::new();
            [1, 2, 5].into_iter().for_each(|lock| owner.lock(lock));
            let held = Arc::clone(&owner.held);
            let forking = thread::spawn(move || {
                let shown = shown(&held);
                assert!(shown.contains(&5), "{shown:?}");
            });
            work(&owner);
            forking.join().unwrap();
            owner.must_show_all(true);
        });
    }
}

#[test]
fn an_entry_is_never_made_of_two() {
    model(3, || {
        let held = Arc::new(Held::zeros());
        let seen = Arc::clone(&held);
        let forking = thread::spawn(move || {
            for entry in seen.entries() {
                let pair = (entry.address, entry.stack.0, entry.stage);
                assert!(
                    matches!(pair, (1, 1, _) | (2, 2, Stage::Asked)),
                    "2 is only asked for: {pair:?}"
                );
            }
        });
        take(&held, 1);
        assert!(held.release(1));
        let ticket = held.ask(2, Object::Mutex, 900, StackId(2)).unwrap();
        held.did_not_take(ticket);
        forking.join().unwrap();
    });
}

#[test]
fn another_thread_disowns_no_other_lock() {
    model(4, || {
        let held = Arc::new(Held::zeros());
        take(&held, 1);
        let other = {
            let held = Arc::clone(&held);
            thread::spawn(move || held.disown(1))
        };
        // At the same place, so that the two entries differ in nothing but the lock's address.
        held.release(1);
        take(&held, 2);
        other.join().unwrap();
        assert_eq!(shown(&held), [2]);
        assert!(held.release(2));
        assert_eq!(shown(&held), [0; 0]);
    });
}

#[test]
fn another_thread_disowns_nothing_that_was_held_at_the_fork() {
    model(4, || {
        let held = Arc::new(Held::zeros());
        take(&held, 1);
        take(&held, 2);
        held.inherit();
        let other = {
            let held = Arc::clone(&held);
            thread::spawn(move || held.disown(1))
        };
        // The first look beyond the newest marks what is inherited.
        assert!(held.inherited(2).is_some());
        other.join().unwrap();
        assert!(held.inherited(1).is_some());
    });
}
