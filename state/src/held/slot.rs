//! One entry of the table of held locks: what it speaks of, and how far it is.

use crate::depot::{NO_STACK, StackId};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence, own};

/// What an entry speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Object {
    /// `pthread_mutex_t`, `mtx_t`.
    Mutex = 1,
    /// `pthread_rwlock_t`, taken for reading.
    RwlockRead,
    /// `pthread_rwlock_t`, taken for writing.
    RwlockWrite,
    /// `pthread_spinlock_t`.
    Spinlock,
    /// `sem_t`.
    Semaphore,
    /// `pthread_cond_t`, only ever asked for.
    Condition,
    /// The guard of a C++ local static that is being initialised.
    StaticGuard,
    /// A lock inside libc: the address is that of its row in the library's table of such locks.
    LibcRegion,
}

impl Object {
    const ALL: [Self; 8] = [
        Self::Mutex,
        Self::RwlockRead,
        Self::RwlockWrite,
        Self::Spinlock,
        Self::Semaphore,
        Self::Condition,
        Self::StaticGuard,
        Self::LibcRegion,
    ];

    /// Reads the number of a variant back.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|object| *object as u64 == number)
    }
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// The slot says nothing.
    Nothing = 0,
    /// The thread has asked, and may be blocked.
    Asked,
    /// The thread holds it.
    Held,
    /// The thread holds a semaphore that it had made itself just before.
    HeldOwnMaking,
    /// The thread held it and has given it back for the time of a condition wait.
    GivenBack,
    /// The thread asked and is not waited for: the call returns with the object or not at all. To the thread itself it is held;
    /// whoever looks from outside learns from the lock's own memory whether it is still asked for.
    AskedOrHeld,
}

impl Stage {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Asked,
            2 => Self::Held,
            3 => Self::HeldOwnMaking,
            4 => Self::GivenBack,
            5 => Self::AskedOrHeld,
            _ => Self::Nothing,
        }
    }
}

/// What an entry speaks of and how far it is, in one word, so that one store says it all: the stack's id in the upper half, then
/// [`What::DOUBTED`], the [`Stage`] and the [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct What(u64);

impl What {
    /// The slot lies above the newest entry; below it, a call has reserved the slot and not yet filled it.
    pub(super) const FREE: Self = Self(0);
    /// An entry was here, and others still lie above it.
    pub(super) const HOLE: Self = Self(0xff);
    const STAGE_SHIFT: u32 = 8;
    const STAGE: u64 = 0xff << Self::STAGE_SHIFT;
    /// Another thread looks whether this entry is the one that it may empty.
    const DOUBTED: u64 = 1 << 31;

    #[inline(always)]
    pub(super) fn new(stack: StackId, stage: Stage, object: Object) -> Self {
        Self(u64::from(stack.0) << 32 | (stage as u64) << Self::STAGE_SHIFT | object as u64)
    }

    fn stack(self) -> StackId {
        StackId((self.0 >> 32) as u32)
    }

    #[inline(always)]
    fn stage_number(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    pub(super) fn object(self) -> Option<Object> {
        Object::from_number(self.0 & 0xff)
    }

    #[inline(always)]
    fn at_stage(self, stage: Stage) -> Self {
        Self(self.0 & !(Self::STAGE | Self::DOUBTED) | (stage as u64) << Self::STAGE_SHIFT)
    }
}

/// One slot, 32 bytes: two share a cache line.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Slot {
    address: AtomicUsize,
    /// The stack pointer of the call, to recognise slots whose call was left by `longjmp`.
    stack_pointer: AtomicUsize,
    /// A [`What`].
    what: AtomicU64,
    /// For a semaphore that this thread itself had just made, with [`Stage::HeldOwnMaking`]: the stack of its making.
    made: AtomicU32,
}

// Every store of the owner's is a Release store: on x86-64 that is a plain `mov`, and it keeps them in order. So whoever loads
// (Acquire) what one entry wrote sees that the entry before it has gone.
impl Slot {
    #[cfg(loom)]
    pub(super) fn zeros() -> Self {
        Self {
            address: AtomicUsize::new(0),
            stack_pointer: AtomicUsize::new(0),
            what: AtomicU64::new(0),
            made: AtomicU32::new(0),
        }
    }

    /// Fills a slot that this call has reserved.
    #[inline(always)]
    pub(super) fn fill(&self, address: usize, stack_pointer: usize, what: What) {
        self.address.store(address, Ordering::Release);
        self.stack_pointer.store(stack_pointer, Ordering::Release);
        // Release: pairs with the loads of `entry`: with the word comes all that it speaks of.
        own::store_long(&self.what, what.0);
    }

    #[inline(always)]
    pub(super) fn what(&self) -> What {
        // Acquire: pairs with the stores of `fill` and `set_what`.
        What(self.what.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn set_what(&self, what: What) {
        own::store_long(&self.what, what.0);
    }

    #[inline(always)]
    pub(super) fn set_stage(&self, stage: Stage) {
        self.set_what(self.what().at_stage(stage));
    }

    pub(super) fn set_own_making(&self, made: StackId) {
        self.made.store(made.0, Ordering::Release);
        self.set_stage(Stage::HeldOwnMaking);
    }

    /// Changes what the slot says from `old` to `new`; false where a signal handler has changed it.
    pub(super) fn replace_if(&self, old: What, new: What) -> bool {
        own::replace_long_if(&self.what, old.0, new.0)
    }

    #[inline(always)]
    pub(super) fn is_hole(&self) -> bool {
        self.what() == What::HOLE
    }

    #[inline(always)]
    pub(super) fn is(&self, stage: Stage) -> bool {
        self.what().stage_number() == stage as u8
    }

    /// As the thread itself sees it.
    #[inline(always)]
    pub(super) fn is_held(&self) -> bool {
        self.what().stage_number() >= Stage::Held as u8
    }

    #[inline(always)]
    pub(super) fn address(&self) -> usize {
        // Acquire: pairs with `fill`.
        self.address.load(Ordering::Acquire)
    }

    pub(super) fn stack_pointer(&self) -> usize {
        self.stack_pointer.load(Ordering::Acquire)
    }

    #[inline(always)]
    pub(super) fn mark_address(&self, mark: usize) {
        // Relaxed: in a child that has one thread.
        self.address.fetch_or(mark, Ordering::Relaxed);
    }

    /// For any thread: empties the slot if it holds this object. The owner may go on to another entry at any moment, so the entry
    /// is marked before it is looked at: every store of the owner's takes the mark away, and then nothing is changed.
    pub(super) fn disown(&self, address: usize) -> bool {
        let what = self.what();
        let doubted = What(what.0 | What::DOUBTED);
        if what == doubted || what.stage_number() < Stage::Held as u8 || self.address() != address {
            return false;
        }
        let exchange = |old: What, new: What| {
            // AcqRel, and Relaxed where it fails and nothing follows: pairs with the owner's stores. The address below is that of the entry that is marked.
            self.what
                .compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        if !exchange(what, doubted) {
            return false;
        }
        let is_meant = self.address() == address;
        exchange(doubted, if is_meant { What::HOLE } else { what }) && is_meant
    }

    /// For any thread: what the slot says; `None` where it says nothing.
    pub(super) fn entry(&self) -> Option<Entry> {
        /// An owner that changes the slot meanwhile does not hold this lock throughout; what comes out is verified.
        const MOST_LOOKS: u32 = 8;
        for look in 0.. {
            let what = self.what();
            let object = what.object()?;
            let mut stage = Stage::from_number(what.stage_number());
            let mut made = NO_STACK;
            if stage == Stage::HeldOwnMaking {
                // Acquire: with the next loads, pairs with the owner's stores, so that the last look at `what` says whether all
                // of it is one entry.
                (stage, made) = (Stage::Held, StackId(self.made.load(Ordering::Acquire)));
            }
            let entry = Entry {
                address: self.address(),
                object,
                stage,
                stack: what.stack(),
                made,
                stack_pointer: self.stack_pointer(),
            };
            // Acquire: the loads above stay above.
            fence(Ordering::Acquire);
            let unchanged = (what.0 ^ self.what().0) & !What::DOUBTED == 0;
            if unchanged || look == MOST_LOOKS {
                return Some(entry).filter(|entry| entry.stage != Stage::Nothing);
            }
        }
        None
    }
}

/// What another thread reads of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object's address.
    pub address: usize,
    /// Its kind.
    pub object: Object,
    /// How far it is.
    pub stage: Stage,
    /// Where it was asked for.
    pub stack: StackId,
    /// Where it was made, if by this thread just before; else [`NO_STACK`].
    pub made: StackId,
    /// The stack pointer of the call, just above its return address; 0 where it is not known.
    pub stack_pointer: usize,
}
