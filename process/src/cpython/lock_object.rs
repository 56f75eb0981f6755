//! The objects that are locks, and their states.
//!
//! Up to 3.13.0 the objects of `_thread.lock` and `_thread.RLock`, which everything in `threading` is made of, point to a
//! libc semaphore, whose address the hooks see. Since 3.13.1 the plain lock, and since 3.14 the recursive one, has its state in a
//! byte of its own, which no hook sees. Their sizes distinguish them.

use super::known::LockType;
use super::object::{Objects, TYPE_BASIC_SIZE};

/// The offset of the pointer to the semaphore, or of the state, in a lock object.
const STATE: usize = 16;
/// Where a recursive lock has its holder's `pthread_t`.
const HOLDER: usize = 24;
/// The sizes of locks with a state of their own; with a semaphore they are larger.
const SIZE: usize = 24;
const RECURSIVE_SIZE: usize = 40;
/// `PyMutex`: the bits of its byte.
const LOCKED: u8 = 1;
const HAS_WAITERS: u8 = 2;

/// A held lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockState {
    /// The address of its state, which identifies the lock.
    pub address: usize,
    /// Whether a thread waits for it.
    pub has_waiters: bool,
    /// The `pthread_t` of its holder; `None` where the lock does not record it.
    pub holder: Option<usize>,
}

impl Objects {
    /// Where a lock with a state of its own has it, in bytes from the object's beginning.
    pub fn state_of_locks(&self) -> usize {
        self.part(0, STATE)
    }

    /// The object of the lock with a state of its own at this address.
    pub(super) fn object_of_lock(&self, address: usize) -> usize {
        address.wrapping_sub(self.state_of_locks())
    }

    /// The address that identifies the lock, if the object is one.
    pub fn lock_in(&self, object: usize) -> Option<usize> {
        let state = self.part(object, STATE);
        if self.lock_type(object)?.has_semaphore {
            self.pages.pointer(state)
        } else {
            Some(state)
        }
    }

    /// The lock that the object is, if it is held. Skips locks with a semaphore where hooks see them.
    pub fn held_lock(&self, object: usize) -> Option<LockState> {
        let of = self.lock_type(object)?;
        let address = self.lock_in(object)?;
        let (is_locked, has_waiters) = if of.has_semaphore {
            if !self.counts_semaphores {
                return None;
            }
            // The value, and how many wait.
            let [value, waiters] = [self.pages.int(address)?, self.pages.int(address.checked_add(4)?)?];
            (value & i32::MAX == 0, waiters != 0)
        } else {
            let state = self.pages.byte(address)?;
            (state & LOCKED != 0, state & HAS_WAITERS != 0)
        };
        is_locked.then(|| LockState {
            address,
            has_waiters,
            holder: self.recursive_holder(object),
        })
    }

    /// The `pthread_t` that a recursive lock knows as its holder.
    pub fn recursive_holder(&self, object: usize) -> Option<usize> {
        let is_recursive = self.lock_type(object)?.is_recursive;
        is_recursive.then(|| self.pointer_in(object, HOLDER))?
    }

    /// The lock at this address, if it is a held lock with its own state.
    pub fn held_lock_at(&self, address: usize) -> Option<LockState> {
        let object = self.object_of_lock(address);
        let has_own_state = !self.lock_type(object)?.has_semaphore;
        has_own_state.then(|| self.held_lock(object))?
    }

    /// The address for which a thread waits on this semaphore, where it is part of an entry in CPython's parking lot: the address
    /// is before it, and behind it the links to its neighbours in a list.
    pub fn parked_for(&self, semaphore: usize) -> Option<usize> {
        const ADDRESS_BEFORE: usize = 8;
        let links = semaphore.checked_add(size_of::<libc::sem_t>())?;
        let (next, previous) = (self.pages.pointer(links)?, self.pages.pointer(links + 8)?);
        let is_linked = self.pages.pointer(next.checked_add(8)?)? == links && self.pages.pointer(previous)? == links;
        is_linked.then(|| self.pages.pointer(semaphore - ADDRESS_BEFORE))?
    }

    fn lock_type(&self, object: usize) -> Option<LockType> {
        self.lock_class(self.type_of(object)?)
    }

    /// The kind of lock that instances of this class are.
    pub(super) fn lock_class(&self, class: usize) -> Option<LockType> {
        self.known.lock_types.get(class, || self.lock_type_of(class))
    }

    fn lock_type_of(&self, of: usize) -> Option<LockType> {
        let (size, is_recursive) = match self.type_name(of)?.as_str() {
            "_thread.lock" => (SIZE, false),
            "_thread.RLock" => (RECURSIVE_SIZE, true),
            _ => return None,
        };
        Some(LockType {
            has_semaphore: self.word_in(of, TYPE_BASIC_SIZE)? > self.part(0, size),
            is_recursive,
        })
    }
}
