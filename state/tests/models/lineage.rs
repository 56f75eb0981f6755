//! What a child knows of its forks: read by all, changed in part by the holder of the report lock.

use forkwatch_state::lineage::Lineage;
use forkwatch_state::own_lock::OwnLock;
use forkwatch_state::report_lock::ReportLock;
use loom::sync::Arc;
use loom::thread;

use crate::{Kernel, model};

#[test]
fn all_may_read_while_one_reports() {
    model(3, || {
        let shared = Arc::new((Lineage::<u32, Box<u32>>::empty(), OwnLock::<Kernel>::new()));
        // SAFETY: there is one thread yet.
        unsafe {
            shared.0.begin(Box::new(5), 77);
            assert_eq!(
                shared.0.newest(|fork, child| (**fork, child), |_| (0, 0)),
                Some((5, 77))
            );
            shared.0.settle(|fork, child| **fork + child.unsigned_abs());
        }
        let reporters: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.acquire();
                    // SAFETY: this thread holds the lock.
                    let mut lock = unsafe { ReportLock::is_held() };
                    let changed = shared.0.get_mut(0, &mut lock).map(|fork| **fork += 1);
                    shared.1.release();
                    changed
                })
            })
            .collect();
        assert_eq!(shared.0.newest(|_, _| 0, |read| *read), Some(82));
        assert_eq!(shared.0.count(), 1);
        assert!(reporters.into_iter().all(|reporter| reporter.join().unwrap().is_some()));
        // SAFETY: there is one thread again.
        let lock = unsafe { ReportLock::is_held() };
        assert_eq!(shared.0.get(0, &lock).map(|fork| **fork), Some(7));
    });
}
