//! Every distinct stack once, while other threads add some.

use forkwatch_state::depot::{Depot, NO_STACK};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::{Kernel, model};

#[test]
fn equal_stacks_get_one_id() {
    model(3, || {
        let depot = Arc::new(Depot::<Kernel>::new());
        let other = {
            let depot = Arc::clone(&depot);
            thread::spawn(move || [depot.intern(&[5, 6]), depot.intern(&[7])])
        };
        let (one, two) = (depot.intern(&[7]), depot.intern(&[5, 6]));
        assert_eq!(other.join().unwrap(), [two, one]);
        assert_eq!((depot.frames(one), depot.frames(two)), (vec![7], vec![5, 6]));
    });
}

#[test]
fn a_found_stack_is_whole() {
    model(3, || {
        let depot = Arc::new(Depot::<Kernel>::new());
        let found = Arc::new(AtomicU32::new(0));
        let other = {
            let (depot, found) = (Arc::clone(&depot), Arc::clone(&found));
            // As an entry of a held lock hands the id on.
            thread::spawn(move || found.store(depot.intern(&[8, 9]).0, Ordering::Release))
        };
        let id = forkwatch_state::depot::StackId(found.load(Ordering::Acquire));
        if id != NO_STACK {
            assert_eq!(depot.frames(id), [8, 9]);
        }
        other.join().unwrap();
    });
}

#[test]
fn a_full_depot_keeps_what_it_has() {
    model(2, || {
        let depot = Arc::new(Depot::<Kernel>::new());
        let other = {
            let depot = Arc::clone(&depot);
            thread::spawn(move || depot.intern(&[1, 2, 3, 4, 5, 6]))
        };
        let own = depot.intern(&[6, 5, 4, 3, 2, 1]);
        let others = other.join().unwrap();
        assert!(own != NO_STACK || others != NO_STACK, "one fits");
        for (id, frames) in [(own, vec![6, 5, 4, 3, 2, 1]), (others, vec![1, 2, 3, 4, 5, 6])] {
            assert!(id == NO_STACK || depot.frames(id) == frames);
        }
    });
}
