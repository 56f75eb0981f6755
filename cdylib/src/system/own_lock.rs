//! The only kind of lock that may guard our own shared state, with this process's kernel.

use super::kernel::Kernel;

/// See [`forkwatch_state::own_lock`].
pub type OwnLock = forkwatch_state::own_lock::OwnLock<Kernel>;

#[cfg(test)]
mod tests {
    use super::OwnLock;
    use lock_api::{Mutex, RawMutex};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn it_excludes() {
        let total = Arc::new(Mutex::<OwnLock, u64>::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let total = Arc::clone(&total);
                std::thread::spawn(move || (0..10_000).for_each(|_| *total.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*total.lock(), 40_000);
    }

    #[test]
    fn an_attempt_times_out() {
        let lock = OwnLock::INIT;
        lock.lock();
        assert!(!lock.acquire_within(Duration::from_millis(20)));
        lock.forget_in_child();
        assert!(lock.acquire_within(Duration::from_millis(20)));
    }
}
