//! Sets of addresses: none that was inserted is lost.

use forkwatch_state::address_set::AddressSet;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

#[test]
fn what_several_threads_insert_is_there() {
    model(3, || {
        let set = Arc::new(AddressSet::<Kernel>::new());
        let other = {
            let set = Arc::clone(&set);
            thread::spawn(move || {
                set.insert(0x20);
                assert!(set.contains(0x20));
            })
        };
        set.insert(0x10);
        assert!(set.contains(0x10));
        other.join().unwrap();
        assert!(set.contains(0x10) && set.contains(0x20) && !set.contains(0x30));
    });
}

#[test]
fn an_overflow_answers_for_all() {
    model(2, || {
        let set = Arc::new(AddressSet::<Kernel>::new());
        set.insert(0x10);
        let other = {
            let set = Arc::clone(&set);
            thread::spawn(move || set.insert(0x20))
        };
        set.insert(0x30);
        other.join().unwrap();
        assert!([0x10, 0x20, 0x30].iter().all(|&address| set.contains(address)));
    });
}

#[test]
fn what_is_removed_is_gone_and_nothing_else() {
    model(3, || {
        let set = Arc::new(AddressSet::<Kernel>::new());
        set.insert(0x10);
        let other = {
            let set = Arc::clone(&set);
            thread::spawn(move || set.insert(0x20))
        };
        set.remove(0x10);
        other.join().unwrap();
        assert!(!set.contains(0x10) && set.contains(0x20));
    });
}
