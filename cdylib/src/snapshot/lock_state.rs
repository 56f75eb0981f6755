//! The state of a lock that a call is about to take, read from the lock itself. For the calls of a forked child, where a lock
//! that is not free may never become free.
//!
//! Layouts are glibc's on x86-64 and aarch64, as in `lock_memory`.
#![expect(unsafe_code, reason = "the program's own lock is read in place")]

use super::lock_memory::{FREE_SPINLOCK, is_in_initialisation};
use super::old_layouts::{self, READER_SHIFT, WRITE_PHASE, WRITER};
use crate::state::held::Object;

/// The state of a lock, for the call that is about to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// The call returns at once, with the lock or with an error.
    Free,
    /// The call waits until this thread releases the lock; 0 where the lock does not say who holds it.
    Held(i32),
    /// The call waits for a lock that processes share: its owner may be in another process.
    Shared,
}

/// The state in which a call finds this lock. `own` returns the caller's thread id, and is only called where it matters.
///
/// # Safety
/// `address` is that of an object of this kind, which the caller is about to pass to libc.
pub unsafe fn lock_state(object: Object, address: usize, own: impl FnOnce() -> i32) -> LockState {
    if !address.is_multiple_of(align_of::<i32>()) {
        // Not a valid lock; libc decides what the call does.
        return LockState::Free;
    }
    // SAFETY: the caller's promise; each kind reads no further than its own size.
    unsafe {
        match object {
            Object::Mutex => mutex(ints::<5>(address), own),
            Object::RwlockRead => read_lock(old_layouts::rwlock(ints::<13>(address))),
            Object::RwlockWrite => write_lock(old_layouts::rwlock(ints::<8>(address)), own),
            Object::Spinlock => spinlock(ints::<1>(address)),
            Object::Semaphore => semaphore(old_layouts::semaphore(ints::<3>(address))),
            Object::StaticGuard => static_guard(ints::<1>(address)),
            Object::PythonLock => python_lock(ints::<1>(address)),
            Object::Condition | Object::LibcRegion => LockState::Free,
        }
    }
}

/// Whether this is a plain or recursive mutex of one process, without priorities, elision or robustness: taking it never fails
/// (except for a recursion four billion deep), and its memory always names its owner.
///
/// # Safety
/// `address` is that of a mutex, which the caller is about to pass to libc.
#[inline(always)]
pub unsafe fn is_ordinary_mutex(address: usize) -> bool {
    const KIND: usize = 4;
    const RECURSIVE: i32 = 1;
    // SAFETY: the caller's promise. libc reads the same word first.
    unsafe { (address as *const i32).add(KIND).read_unaligned() & !RECURSIVE == 0 }
}

/// Whether threads of this process seem to wait for a condition: one of the two places where glibc counts them (`__wrefs`, up to 2.40
/// and since 2.41) is not zero. The other then has what else glibc keeps there, so this alone proves nothing.
///
/// # Safety
/// `address` is that of a condition, which the caller is about to pass to libc.
pub unsafe fn condition_has_waiters(address: usize) -> bool {
    const SHARED: i32 = 1;
    const COUNT_SHIFT: u32 = 3;
    if !address.is_multiple_of(align_of::<i32>()) {
        return false;
    }
    // SAFETY: the caller's promise; a `pthread_cond_t` has 48 bytes.
    let words = unsafe { ints::<12>(address) };
    if let Some(waits) = old_layouts::condition_has_waiters(words) {
        return waits;
    }
    let counts = |word: i32| word & SHARED == 0 && word.cast_unsigned() >> COUNT_SHIFT != 0;
    counts(words[7]) || counts(words[9])
}

/// Whether a call to `pthread_barrier_wait` waits for other threads of this process: it is not the last to arrive in this round.
///
/// # Safety
/// `address` is that of a barrier, which the caller is about to pass to libc.
pub unsafe fn barrier_waits_for_threads(address: usize) -> bool {
    if !address.is_multiple_of(align_of::<i32>()) {
        return false;
    }
    // SAFETY: the caller's promise; a `pthread_barrier_t` has 32 bytes.
    let [came, rounds_ended_at, count, shared] = old_layouts::barrier(unsafe { ints::<5>(address) });
    let came = came.wrapping_add(1).wrapping_sub(rounds_ended_at).cast_unsigned();
    shared == 0 && came < count.cast_unsigned()
}

fn mutex([lock, _count, owner, _users, kind]: [i32; 5], own: impl FnOnce() -> i32) -> LockState {
    const TYPE: i32 = 3;
    const RECURSIVE: i32 = 1;
    const ERROR_CHECKING: i32 = 2;
    const ROBUST: i32 = 16;
    const INHERITS_PRIORITY: i32 = 32;
    const PROTECTS_PRIORITY: i32 = 64;
    const SHARED: i32 = 128;
    /// The owner's id in the lock word of robust and priority-inheriting mutexes (`FUTEX_TID_MASK`).
    const OWNER: i32 = 0x3fff_ffff;
    const OWNER_DIED: i32 = 0x4000_0000;
    /// Below the priority ceiling.
    const BELOW_CEILING: i32 = 0x0007_ffff;
    let held = if kind & ROBUST != 0 {
        lock & OWNER_DIED == 0 && lock & OWNER != 0
    } else if kind & INHERITS_PRIORITY != 0 {
        lock & OWNER != 0
    } else if kind & PROTECTS_PRIORITY != 0 {
        lock & BELOW_CEILING != 0
    } else {
        lock != 0
    };
    if !held || (matches!(kind & TYPE, RECURSIVE | ERROR_CHECKING) && owner == own()) {
        LockState::Free
    } else if kind & (SHARED | ROBUST) == SHARED {
        LockState::Shared
    } else {
        LockState::Held(owner)
    }
}

fn read_lock([readers, _, _, _, _, _, writer, shared, _, _, _, _, preference]: [i32; 13]) -> LockState {
    /// `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`.
    const WRITERS_GO_FIRST: i32 = 2;
    let is_written = readers & WRITE_PHASE != 0;
    // Such a lock admits no further reader while a writer waits for the present ones.
    let yields = preference == WRITERS_GO_FIRST && readers.cast_unsigned() >> READER_SHIFT != 0;
    if readers & WRITER == 0 || !is_written && !yields {
        LockState::Free
    } else if shared != 0 {
        LockState::Shared
    } else {
        LockState::Held(writer)
    }
}

fn write_lock([readers, _, _, _, _, _, writer, shared]: [i32; 8], own: impl FnOnce() -> i32) -> LockState {
    let has_readers = readers.cast_unsigned() >> READER_SHIFT != 0;
    // glibc refuses the writer's own second attempt.
    if readers & WRITER == 0 && !has_readers || writer != 0 && writer == own() {
        LockState::Free
    } else if shared != 0 {
        LockState::Shared
    } else {
        LockState::Held(writer)
    }
}

fn spinlock([word]: [i32; 1]) -> LockState {
    if word == FREE_SPINLOCK {
        LockState::Free
    } else {
        LockState::Held(0)
    }
}

fn semaphore([value, _waiters, shared]: [i32; 3]) -> LockState {
    if value != 0 {
        LockState::Free
    } else if shared != 0 {
        LockState::Shared
    } else {
        LockState::Held(0)
    }
}

/// Its state is the first byte. It does not name its owner.
fn python_lock([word]: [i32; 1]) -> LockState {
    const LOCKED: i32 = 1;
    if word & LOCKED == 0 {
        LockState::Free
    } else {
        LockState::Held(0)
    }
}

fn static_guard([word]: [i32; 1]) -> LockState {
    if is_in_initialisation(word) {
        LockState::Held(0)
    } else {
        LockState::Free
    }
}

/// # Safety
/// `N` ints at `address` are mapped, aligned and readable.
unsafe fn ints<const N: usize>(address: usize) -> [i32; N] {
    // SAFETY: the caller's promise. Volatile, because other threads write there.
    core::array::from_fn(|index| unsafe { (address as *const i32).add(index).read_volatile() })
}

#[cfg(test)]
mod tests {
    use super::{LockState, lock_state};
    use crate::state::held::Object;

    fn own() -> i32 {
        rustix::thread::gettid().as_raw_nonzero().get()
    }

    #[test]
    fn each_kind_of_lock_is_read_as_libc_reads_it() {
        // SAFETY: each lock is initialised, lives through the calls, and is used by this thread alone.
        unsafe {
            let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
            let place = &raw mut mutex;
            assert_eq!(lock_state(Object::Mutex, place as usize, own), LockState::Free);
            libc::pthread_mutex_lock(place);
            assert_eq!(lock_state(Object::Mutex, place as usize, || 1), LockState::Held(own()));
            let mut lock = libc::PTHREAD_RWLOCK_INITIALIZER;
            let place = &raw mut lock;
            let asks = |object| lock_state(object, place as usize, || 1);
            assert_eq!(
                (asks(Object::RwlockRead), asks(Object::RwlockWrite)),
                (LockState::Free, LockState::Free)
            );
            libc::pthread_rwlock_rdlock(place);
            assert_eq!(
                (asks(Object::RwlockRead), asks(Object::RwlockWrite)),
                (LockState::Free, LockState::Held(0))
            );
            libc::pthread_rwlock_unlock(place);
            libc::pthread_rwlock_wrlock(place);
            let held = LockState::Held(own());
            assert_eq!((asks(Object::RwlockRead), asks(Object::RwlockWrite)), (held, held));
            libc::pthread_rwlock_unlock(place);
            assert_eq!(
                (asks(Object::RwlockRead), asks(Object::RwlockWrite)),
                (LockState::Free, LockState::Free)
            );
            let mut semaphore: libc::sem_t = core::mem::zeroed();
            let place = &raw mut semaphore;
            let asks = || lock_state(Object::Semaphore, place as usize, || 1);
            libc::sem_init(place, 0, 1);
            assert_eq!(asks(), LockState::Free);
            libc::sem_wait(place);
            assert_eq!(asks(), LockState::Held(0));
            libc::sem_init(place, 1, 0);
            assert_eq!(asks(), LockState::Shared);
        }
    }

    #[test]
    fn a_barrier_lets_the_last_one_through() {
        let waits = |count, shared| {
            // SAFETY: the barrier and its attributes are initialised, and nobody else's.
            unsafe {
                let mut attributes: libc::pthread_barrierattr_t = core::mem::zeroed();
                libc::pthread_barrierattr_init(&raw mut attributes);
                libc::pthread_barrierattr_setpshared(&raw mut attributes, shared);
                let mut barrier: libc::pthread_barrier_t = core::mem::zeroed();
                libc::pthread_barrier_init(&raw mut barrier, &raw const attributes, count);
                let address = &raw mut barrier as usize;
                if count == 1 {
                    libc::pthread_barrier_wait(&raw mut barrier);
                }
                super::barrier_waits_for_threads(address)
            }
        };
        assert!(waits(2, libc::PTHREAD_PROCESS_PRIVATE));
        assert!(!waits(1, libc::PTHREAD_PROCESS_PRIVATE));
        assert!(!waits(2, libc::PTHREAD_PROCESS_SHARED));
    }

    #[test]
    fn a_recursive_mutex_lets_its_owner_in_again() {
        // SAFETY: as above.
        unsafe {
            let mut mutex = libc::PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
            let place = &raw mut mutex;
            libc::pthread_mutex_lock(place);
            assert_eq!(lock_state(Object::Mutex, place as usize, own), LockState::Free);
            assert_eq!(lock_state(Object::Mutex, place as usize, || 1), LockState::Held(own()));
        }
    }
}
