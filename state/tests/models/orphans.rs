//! Inherited locks, added by threads of the child whose calls find them.

use forkwatch_state::depot::{NO_STACK, StackId};
use forkwatch_state::held::{Entry, Object, Stage};
use forkwatch_state::orphans::{Orphans, Reported};
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, interrupted, model};

fn entry(address: usize, stack: u32) -> Entry {
    Entry {
        address,
        object: Object::Mutex,
        stage: Stage::Held,
        stack: StackId(stack),
        made: NO_STACK,
        stack_pointer: 0,
    }
}

fn must_be_whole(orphans: &Orphans<Kernel>, address: usize) -> bool {
    let Some(orphan) = orphans.find(address) else {
        return false;
    };
    // Each adds its locks with an owner and a stack of the same number.
    assert_eq!(
        (orphan.entry.address, orphan.owner.unsigned_abs()),
        (address, orphan.entry.stack.0)
    );
    true
}

#[test]
fn an_orphan_is_found_whole() {
    for second in [0x10, 0x20] {
        model(3, move || {
            let orphans = Arc::new(Orphans::<Kernel>::empty());
            let other = {
                let orphans = Arc::clone(&orphans);
                thread::spawn(move || orphans.add(entry(second, 2), 2, 0) && must_be_whole(&orphans, second))
            };
            let added = orphans.add(entry(0x10, 1), 1, 0);
            must_be_whole(&orphans, 0x10);
            let added_there = other.join().unwrap();
            assert!(added || added_there, "at most one gave way");
            assert!(!added || must_be_whole(&orphans, 0x10));
            assert!(!added_there || must_be_whole(&orphans, second));
        });
    }
}

#[test]
fn what_is_forgotten_comes_back_as_another() {
    model(3, || {
        let orphans = Arc::new(Orphans::<Kernel>::empty());
        assert!(orphans.add(entry(0x10, 1), 1, 0));
        let other = {
            let orphans = Arc::clone(&orphans);
            thread::spawn(move || must_be_whole(&orphans, 0x10))
        };
        orphans.forget(0x10);
        assert!(!must_be_whole(&orphans, 0x10));
        assert!(orphans.add(entry(0x10, 2), 2, 1));
        assert_eq!(orphans.find(0x10).map(|orphan| orphan.fork), Some(1));
        other.join().unwrap();
    });
}

#[test]
fn one_thread_reports() {
    model(3, || {
        let orphans = Arc::new(Orphans::<Kernel>::empty());
        assert!(orphans.add(entry(0x10, 1), 1, 0));
        let reports = |orphans: &Orphans<Kernel>| {
            orphans
                .find(0x10)
                .is_some_and(|orphan| orphans.note(&orphan, Reported::Block))
        };
        let other = {
            let orphans = Arc::clone(&orphans);
            thread::spawn(move || reports(&orphans))
        };
        let own = reports(&orphans);
        assert!(own != other.join().unwrap());
    });
}

#[test]
fn a_handler_that_adds_ends() {
    interrupted(0, |interrupt, _| {
        let orphans = Arc::new(Orphans::<Kernel>::empty());
        let handlers = Arc::clone(&orphans);
        let added = std::rc::Rc::new(std::cell::Cell::new(false));
        let noted = std::rc::Rc::clone(&added);
        interrupt.during(
            || assert!(orphans.add(entry(0x10, 1), 1, 0)),
            move || noted.set(handlers.add(entry(0x20, 2), 2, 0)),
        );
        assert!(must_be_whole(&orphans, 0x10));
        assert_eq!(must_be_whole(&orphans, 0x20), added.get());
    });
}
