//! The table of threads: places taken, given back and looked at by several threads at once.

use forkwatch_state::depot::StackId;
use forkwatch_state::record::{Origin, Record};
use forkwatch_state::system::FromZeros;
use forkwatch_state::threads::{HasRecord, Life, Threads};
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

struct Thread(Record);

// SAFETY: a record is all atomic.
unsafe impl FromZeros for Thread {
    fn zeros() -> Self {
        Self(Record::zeros())
    }
}

impl HasRecord for Thread {
    fn record(&self) -> &Record {
        &self.0
    }
}

type Table = Arc<Threads<Thread, Kernel>>;

/// A thread of its own in every word.
fn origin(number: usize) -> Origin {
    Origin {
        start_routine: 100 + number,
        argument: 200 + number,
        created: StackId(300 + u32::try_from(number).unwrap()),
        creator: 400 + i32::try_from(number).unwrap(),
        stack_bytes: 500 + number,
    }
}

/// Makes a thread, whose start routine then asks its record what to run.
fn make(threads: &Table, number: usize) -> Option<u32> {
    let thread = threads.reserve(origin(number))?;
    threads.run(thread, i32::try_from(number).unwrap());
    assert_eq!(thread.0.origin(), Some(origin(number)), "a record has one thread");
    Some(thread.0.index())
}

fn make_and_end(threads: &Table, number: usize) -> bool {
    let Some(thread) = threads.reserve(origin(number)) else {
        return false;
    };
    threads.run(thread, i32::try_from(number).unwrap());
    assert_eq!(thread.0.origin(), Some(origin(number)), "a record has one thread");
    threads.end(thread);
    true
}

#[test]
fn two_creators_get_two_records() {
    model(3, || {
        let threads: Table = Arc::new(Threads::new());
        // Both find the place of a thread that has ended.
        assert!(make_and_end(&threads, 1));
        let other = {
            let threads = Arc::clone(&threads);
            thread::spawn(move || make(&threads, 2))
        };
        let own = make(&threads, 3);
        let others = other.join().unwrap();
        assert!(
            own.is_some() && others.is_some() && own != others,
            "{own:?}, {others:?}"
        );
        assert!(make(&threads, 4).is_none(), "the table is full");
    });
}

#[test]
fn a_record_is_used_again_by_one() {
    model(3, || {
        let threads: Table = Arc::new(Threads::new());
        assert!(make(&threads, 1).is_some());
        let other = {
            let threads = Arc::clone(&threads);
            thread::spawn(move || make_and_end(&threads, 2))
        };
        // One place is left: the second thread gets it after the first has ended, or not at all.
        let own = make_and_end(&threads, 3);
        let others = other.join().unwrap();
        assert!(own || others);
        assert!(make(&threads, 4).is_some(), "no place is lost");
    });
}

#[test]
fn a_thread_is_seen_with_its_own_origin() {
    model(3, || {
        let threads: Table = Arc::new(Threads::new());
        let other = {
            let threads = Arc::clone(&threads);
            thread::spawn(move || {
                make(&threads, 1);
            })
        };
        for (life, tid, thread) in threads.all() {
            assert_eq!(thread.0.origin(), Some(origin(1)));
            assert_eq!(tid, if life == Life::Running { 1 } else { 0 });
        }
        other.join().unwrap();
    });
}

#[test]
fn a_thread_that_ends_is_seen_in_one_place_or_the_other() {
    model(3, || {
        let threads: Table = Arc::new(Threads::new());
        let thread = threads.reserve(origin(1)).unwrap();
        threads.run(thread, 1);
        let other = {
            let threads = Arc::clone(&threads);
            thread::spawn(move || {
                let thread = threads.all().next().map(|(_, _, thread)| thread);
                threads.end(thread.unwrap());
            })
        };
        // As a fork looks: who runs, and then, of those that the kernel lists, who has ended.
        let runs = threads.all().any(|(_, tid, _)| tid == 1);
        assert!(runs || threads.has_ended(1));
        other.join().unwrap();
        assert!(threads.has_ended(1) && threads.all().next().is_none());
        assert!(make(&threads, 1).is_some() && !threads.has_ended(1));
    });
}

#[test]
fn in_a_child_one_thread_remains() {
    model(2, || {
        let threads: Table = Arc::new(Threads::new());
        assert!(make(&threads, 1).is_some() && make(&threads, 2).is_some());
        let (_, _, own) = threads.all().last().unwrap();
        threads.only_this_remains(own, 9);
        let left: Vec<_> = threads.all().map(|(life, tid, _)| (life, tid)).collect();
        assert_eq!(left, [(Life::Running, 9)]);
        assert!(make(&threads, 3).is_some());
    });
}
