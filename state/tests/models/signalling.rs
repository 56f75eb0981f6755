//! The semaphores that are not locks: none that was noted is lost.

use forkwatch_state::signalling::Signalling;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

#[test]
fn what_several_threads_note_is_there() {
    model(3, || {
        let set = Arc::new(Signalling::<Kernel>::new());
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
        let set = Arc::new(Signalling::<Kernel>::new());
        set.insert(0x10);
        let other = {
            let set = Arc::clone(&set);
            thread::spawn(move || set.insert(0x20))
        };
        set.insert(0x30);
        other.join().unwrap();
        assert!([0x10, 0x20, 0x30].iter().all(|&semaphore| set.contains(semaphore)));
    });
}

#[test]
fn what_is_removed_is_gone_and_nothing_else() {
    model(3, || {
        let set = Arc::new(Signalling::<Kernel>::new());
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
