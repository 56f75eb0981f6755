//! One entry of the table of held locks: what it speaks of, and how far it is.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::state::depot::{NO_STACK, StackId};

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
    /// A lock inside libc: the address is that of its row (`state::libc_regions`).
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
    pub(in crate::state) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|object| *object as u64 == number)
    }
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// The slot holds nothing.
    Empty = 0,
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
            _ => Self::Empty,
        }
    }
}

/// What an entry speaks of and how far it is, in one word, so that one store says it all: the stack's id in the upper half, then
/// the [`Stage`], then the [`Object`]. 0 is an empty slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct What(u64);

impl What {
    const STAGE_SHIFT: u32 = 8;
    const STAGE: u64 = 0xff << Self::STAGE_SHIFT;
    const EMPTY: Self = Self(0);

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
        Self(self.0 & !Self::STAGE | (stage as u64) << Self::STAGE_SHIFT)
    }
}

/// One slot, 32 bytes: two share a cache line.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Slot {
    pub(super) address: AtomicUsize,
    /// The stack pointer of the call, to recognise slots whose call was left by `longjmp`.
    pub(super) stack_pointer: AtomicUsize,
    /// A [`What`].
    what: AtomicU64,
    /// For a semaphore that this thread itself had just made, with [`Stage::HeldOwnMaking`]: the stack of its making.
    pub(super) made: AtomicU32,
}

impl Slot {
    #[inline(always)]
    pub(super) fn what(&self) -> What {
        What(self.what.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn set_what(&self, what: What) {
        self.what.store(what.0, Ordering::Release);
    }

    #[inline(always)]
    pub(super) fn set_stage(&self, stage: Stage) {
        self.set_what(self.what().at_stage(stage));
    }

    #[inline(always)]
    pub(super) fn clear(&self) {
        self.set_what(What::EMPTY);
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

    /// What it says; `None` where it is empty.
    pub(super) fn entry(&self) -> Option<Entry> {
        let what = self.what();
        let mut stage = Stage::from_number(what.stage_number());
        let mut made = NO_STACK;
        if stage == Stage::HeldOwnMaking {
            (stage, made) = (Stage::Held, StackId(self.made.load(Ordering::Relaxed)));
        }
        Some(Entry {
            address: self.address.load(Ordering::Relaxed),
            object: what.object()?,
            stage,
            stack: what.stack(),
            made,
            stack_pointer: self.stack_pointer.load(Ordering::Relaxed),
        })
        .filter(|entry| entry.stage != Stage::Empty)
    }
}

/// What another thread reads of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object's address.
    pub address: usize,
    /// Its sort.
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
