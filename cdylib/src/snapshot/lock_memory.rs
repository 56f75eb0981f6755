//! What a lock's own memory says about its state: our tables race with their owners, the lock word is authoritative.
//!
//! Layouts are glibc's on x86-64 and aarch64 (`bits/struct_mutex.h`, `bits/struct_rwlock.h`, `internaltypes.h`), unchanged since 2.25; `old_layouts`
//! knows the earlier ones.
#![expect(unsafe_code, reason = "a mutex that nobody else can free")]

use forkwatch_process::memory::ProcessMemory;

use super::old_layouts::{self, READER_SHIFT};
use crate::state::held::Object;

/// What the memory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Held by that thread, as far as the kind of lock says.
    Held,
    /// Free, held by another thread, unmapped, or no longer a lock.
    NotHeld,
    /// Shared between processes: its owner lives on in the parent.
    Shared,
}

/// Whether this thread holds the lock, by the lock's memory.
pub fn word(memory: ProcessMemory, object: Object, address: usize, owner: i32) -> Word {
    let verdict = match object {
        Object::Mutex => mutex(memory, address, owner),
        Object::RwlockRead => rwlock(memory, address, |lock| lock.readers > 0),
        Object::RwlockWrite => rwlock(memory, address, |lock| lock.writer == owner),
        Object::Spinlock => spinlock(memory, address),
        Object::Semaphore => semaphore(memory, address),
        Object::StaticGuard => static_guard(memory, address),
        // Its lock cannot be read: only the call in progress is known.
        Object::LibcRegion => Some(Word::Held),
        Object::PythonLock => python_lock(memory, address),
        Object::Condition => None,
    };
    verdict.unwrap_or(Word::NotHeld)
}

/// Whether this semaphore is shared between processes and taken.
pub fn is_taken_and_shared(memory: ProcessMemory, address: usize) -> bool {
    let values = read_ints::<3>(memory, address).map(old_layouts::semaphore);
    values.is_some_and(|[value, _waiters, shared]| value == 0 && shared != 0)
}

/// Whether a mutex is robust: it cannot leak, because the next thread that locks it gets EOWNERDEAD.
pub fn is_robust_mutex(memory: ProcessMemory, object: Object, address: usize) -> bool {
    const ROBUST: i32 = 16;
    object == Object::Mutex && read_ints::<5>(memory, address).is_some_and(|[.., kind]| kind & ROBUST != 0)
}

/// Whether a mutex inherits priority: the kernel looks for its owner, instead of only waiting.
pub fn inherits_priority(memory: ProcessMemory, object: Object, address: usize) -> bool {
    const INHERITS_PRIORITY: i32 = 32;
    object == Object::Mutex && read_ints::<5>(memory, address).is_some_and(|[.., kind]| kind & INHERITS_PRIORITY != 0)
}

/// In the child of a fork: frees an ordinary mutex that this lost thread holds, or is just taking.
pub fn free_of_lost(memory: ProcessMemory, address: usize, owner: i32) {
    /// Normal, recursive, checking or adaptive; everything else concerns other processes or the kernel.
    const ORDINARY: i32 = 3;
    let Some([lock, _count, its_owner, _users, kind]) = read_ints::<5>(memory, address) else {
        return;
    };
    if lock == 0 || its_owner != owner && its_owner != 0 || kind & !ORDINARY != 0 {
        return;
    }
    // Lock, count, owner and users.
    // SAFETY: the words were read just now, they are those of a mutex that a thread held, and this thread is the only one.
    unsafe { (address as *mut [i32; 4]).write_volatile([0; 4]) };
}

fn mutex(memory: ProcessMemory, address: usize, owner: i32) -> Option<Word> {
    // glibc marks every robust mutex as shared, because the kernel wakes its waiters that way.
    const ROBUST: i32 = 16;
    const SHARED: i32 = 128;
    let [_lock, _count, its_owner, _users, kind] = read_ints::<5>(memory, address)?;
    Some(if kind & (SHARED | ROBUST) == SHARED {
        Word::Shared
    } else {
        held_if(its_owner == owner)
    })
}

struct Rwlock {
    readers: u32,
    writer: i32,
}

fn rwlock(memory: ProcessMemory, address: usize, is_held: impl Fn(&Rwlock) -> bool) -> Option<Word> {
    let [readers, _, _, _, _, _, writer, shared] = old_layouts::rwlock(read_ints::<8>(memory, address)?);
    let lock = Rwlock {
        readers: readers.cast_unsigned() >> READER_SHIFT,
        writer,
    };
    Some(if shared != 0 {
        Word::Shared
    } else {
        held_if(is_held(&lock))
    })
}

/// A spinlock that is free. x86's is 1 then, the others' are 0.
pub(super) const FREE_SPINLOCK: i32 = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

fn spinlock(memory: ProcessMemory, address: usize) -> Option<Word> {
    let [word] = read_ints::<1>(memory, address)?;
    Some(held_if(word != FREE_SPINLOCK))
}

fn semaphore(memory: ProcessMemory, address: usize) -> Option<Word> {
    let [value, _waiters, shared] = old_layouts::semaphore(read_ints::<3>(memory, address)?);
    Some(if shared != 0 { Word::Shared } else { held_if(value == 0) })
}

fn static_guard(memory: ProcessMemory, address: usize) -> Option<Word> {
    let [word] = read_ints::<1>(memory, address)?;
    Some(held_if(is_in_initialisation(word)))
}

fn python_lock(memory: ProcessMemory, address: usize) -> Option<Word> {
    const LOCKED: u8 = 1;
    let mut state = [0_u8];
    memory
        .read(address, &mut state)
        .then(|| held_if(state[0] & LOCKED != 0))
}

/// The Itanium C++ ABI gives the first byte to "done"; in the second, libstdc++ and libc++abi have "in progress".
pub(super) fn is_in_initialisation(word: i32) -> bool {
    const DONE: i32 = 1;
    const IN_PROGRESS: i32 = 0x300;
    word & DONE == 0 && word & IN_PROGRESS != 0
}

fn held_if(held: bool) -> Word {
    if held { Word::Held } else { Word::NotHeld }
}

fn read_ints<const N: usize>(memory: ProcessMemory, address: usize) -> Option<[i32; N]> {
    let mut bytes = [[0_u8; 4]; N];
    memory
        .read(address, bytes.as_flattened_mut())
        .then(|| bytes.map(i32::from_ne_bytes))
}

#[cfg(test)]
mod tests {
    #![expect(unsafe_code, reason = "real locks of libc's")]

    use forkwatch_process::memory::ProcessMemory;

    use super::{Word, is_robust_mutex, word};
    use crate::state::held::Object;

    fn own_tid() -> i32 {
        rustix::thread::gettid().as_raw_nonzero().get()
    }

    fn check<T>(object: Object, lock: &mut T, take: impl Fn(*mut T), release: impl Fn(*mut T)) {
        let memory = ProcessMemory::own();
        let place: *mut T = lock;
        let ask = || word(memory, object, place as usize, own_tid());
        assert_eq!(ask(), Word::NotHeld, "{object:?} before");
        take(place);
        assert_eq!(ask(), Word::Held, "{object:?} taken");
        release(place);
        assert_eq!(ask(), Word::NotHeld, "{object:?} after");
    }

    #[test]
    fn every_kind_of_lock_shows_its_state() {
        // SAFETY: each lock is initialised, lives through the calls, and is used by this thread alone.
        unsafe {
            let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
            let (lock, unlock) = (
                |m| _ = libc::pthread_mutex_lock(m),
                |m| _ = libc::pthread_mutex_unlock(m),
            );
            check(Object::Mutex, &mut mutex, lock, unlock);
            let mut rwlock = libc::PTHREAD_RWLOCK_INITIALIZER;
            let unlock = |l| _ = libc::pthread_rwlock_unlock(l);
            check(
                Object::RwlockRead,
                &mut rwlock,
                |l| _ = libc::pthread_rwlock_rdlock(l),
                unlock,
            );
            check(
                Object::RwlockWrite,
                &mut rwlock,
                |l| _ = libc::pthread_rwlock_wrlock(l),
                unlock,
            );
            let mut spinlock: libc::pthread_spinlock_t = core::mem::zeroed();
            libc::pthread_spin_init(&raw mut spinlock, 0);
            let (lock, unlock) = (|l| _ = libc::pthread_spin_lock(l), |l| _ = libc::pthread_spin_unlock(l));
            check(Object::Spinlock, &mut spinlock, lock, unlock);
            let mut semaphore: libc::sem_t = core::mem::zeroed();
            libc::sem_init(&raw mut semaphore, 0, 1);
            let (wait, post) = (|s| _ = libc::sem_wait(s), |s| _ = libc::sem_post(s));
            check(Object::Semaphore, &mut semaphore, wait, post);
            let mut shared: libc::sem_t = core::mem::zeroed();
            libc::sem_init(&raw mut shared, 1, 0);
            let address = &raw mut shared as usize;
            assert_eq!(
                word(ProcessMemory::own(), Object::Semaphore, address, own_tid()),
                Word::Shared
            );
        }
    }

    #[test]
    fn another_owner_and_unmapped_memory_are_not_held() {
        let memory = ProcessMemory::own();
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        // SAFETY: the mutex is initialised and this thread's alone.
        unsafe { libc::pthread_mutex_lock(&raw mut mutex) };
        assert_eq!(word(memory, Object::Mutex, &raw mut mutex as usize, 1), Word::NotHeld);
        assert_eq!(word(memory, Object::Mutex, 4096, 1), Word::NotHeld);
        assert!(!is_robust_mutex(memory, Object::Mutex, &raw mut mutex as usize));
    }
}
