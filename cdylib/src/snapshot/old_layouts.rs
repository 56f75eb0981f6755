//! Locks of a glibc before 2.25 on x86-64 (`bits/pthreadtypes.h`, `internaltypes.h`), in the layout that later ones have. Mutexes and
//! spinlocks have not changed; each of the others did in a version of its own.

use crate::system::libc_version::is_before;

/// Flags of the first word of a read-write lock, and how far it is shifted to count the readers.
pub(super) const WRITE_PHASE: i32 = 1;
pub(super) const WRITER: i32 = 2;
pub(super) const READER_SHIFT: u32 = 3;

/// The words of a read-write lock. Before 2.25, the second counted the readers and the sixth the writers that wait; the owner and what
/// follows have their old places.
pub(super) fn rwlock<const N: usize>(words: [i32; N]) -> [i32; N] {
    if is_before((2, 25)) { new_rwlock(words) } else { words }
}

fn new_rwlock<const N: usize>(mut words: [i32; N]) -> [i32; N] {
    if let [first, readers, _, _, _, waiting_writers, writer, ..] = words.as_mut_slice() {
        let phase = if *writer == 0 { 0 } else { WRITE_PHASE };
        let is_wanted = *writer != 0 || *waiting_writers != 0 && *readers != 0;
        *first = *readers << READER_SHIFT | phase | if is_wanted { WRITER } else { 0 };
    }
    words
}

/// The value of a semaphore, how many wait for it, and whether processes share it. Before 2.21 the second word said that they do not.
pub(super) fn semaphore(words: [i32; 3]) -> [i32; 3] {
    if is_before((2, 21)) {
        new_semaphore(words)
    } else {
        words
    }
}

fn new_semaphore([value, private, waiters]: [i32; 3]) -> [i32; 3] {
    [value, waiters, i32::from(private == 0)]
}

/// How many came to a barrier, at which number the last round ended, how many it waits for, and whether processes share it. Before
/// 2.23 it counted those who are still missing.
pub(super) fn barrier(words: [i32; 5]) -> [i32; 4] {
    if is_before((2, 23)) {
        new_barrier(words)
    } else {
        let [came, rounds_ended_at, count, shared, _] = words;
        [came, rounds_ended_at, count, shared]
    }
}

fn new_barrier([_event, _lock, missing, count, private]: [i32; 5]) -> [i32; 4] {
    [count.wrapping_sub(missing), 0, count, i32::from(private == 0)]
}

/// Whether threads of this process wait for a condition, by a layout before 2.25; `None` where the running one is newer.
pub(super) fn condition_has_waiters(words: [i32; 12]) -> Option<bool> {
    is_before((2, 25)).then(|| old_condition_has_waiters(words))
}

fn old_condition_has_waiters(words: [i32; 12]) -> bool {
    /// Below the count is the number of the clock.
    const COUNT_SHIFT: u32 = 1;
    let [.., mutex_low, mutex_high, waiters, _] = words;
    let is_shared = mutex_low == -1 && mutex_high == -1;
    !is_shared && waiters.cast_unsigned() >> COUNT_SHIFT != 0
}

#[cfg(test)]
mod tests {
    use super::{READER_SHIFT, WRITE_PHASE, WRITER, new_barrier, new_rwlock, new_semaphore, old_condition_has_waiters};

    const OWNER: i32 = 4711;

    #[test]
    fn a_read_write_lock() {
        let lock = |readers, waiting_writers, writer| new_rwlock([0, readers, 0, 0, 0, waiting_writers, writer, 0]);
        assert_eq!(lock(0, 0, 0), [0; 8]);
        assert_eq!(lock(2, 0, 0)[0], 2 << READER_SHIFT);
        assert_eq!(lock(2, 1, 0)[0], 2 << READER_SHIFT | WRITER);
        // A writer that is just being woken does not have it yet.
        assert_eq!(lock(0, 1, 0)[0], 0);
        let written = lock(0, 3, OWNER);
        assert_eq!((written[0], written[6]), (WRITE_PHASE | WRITER, OWNER));
    }

    #[test]
    fn a_semaphore_and_a_barrier() {
        const PRIVATE: i32 = 128;
        assert_eq!(new_semaphore([1, PRIVATE, 2]), [1, 2, 0]);
        assert_eq!(new_semaphore([0, 0, 0]), [0, 0, 1]);
        assert_eq!(new_barrier([0, 0, 3, 4, PRIVATE]), [1, 0, 4, 0]);
        assert_eq!(new_barrier([9, 0, 4, 4, 0]), [0, 0, 4, 1]);
    }

    #[test]
    fn a_condition() {
        let condition = |mutex: i32, waiters| [0, 2, 3, 0, 1, 0, 1, 0, mutex, mutex, waiters, 0];
        assert!(old_condition_has_waiters(condition(7, 2 << 1)));
        assert!(!old_condition_has_waiters(condition(7, 1)), "the number of the clock");
        assert!(!old_condition_has_waiters(condition(-1, 2 << 1)), "shared");
    }
}
