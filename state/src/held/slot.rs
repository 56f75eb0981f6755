//! One slot of the table of held locks: an object, and the stage of its acquisition.

use crate::depot::{NO_STACK, StackId};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence, own};

/// The kind of object that an entry is about.
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
    /// A lock of CPython's that has its state in a byte (`PyMutex`).
    PythonLock,
}

impl Object {
    const ALL: [Self; 9] = [
        Self::Mutex,
        Self::RwlockRead,
        Self::RwlockWrite,
        Self::Spinlock,
        Self::Semaphore,
        Self::Condition,
        Self::StaticGuard,
        Self::LibcRegion,
        Self::PythonLock,
    ];

    /// Whether any thread may release it, so that it may be used as a signal.
    #[inline(always)]
    pub fn may_signal(self) -> bool {
        matches!(self, Self::Semaphore | Self::PythonLock)
    }

    /// The variant with this number.
    #[inline(always)]
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let index = usize::try_from(number.wrapping_sub(1)).ok()?;
        Self::ALL.get(index).copied()
    }
}

/// The stage of an acquisition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// The slot has no entry.
    Nothing = 0,
    /// The thread has asked, and may be blocked.
    Asked,
    /// The thread holds it.
    Held,
    /// The thread holds a semaphore that it had itself initialised just before.
    HeldJustMade,
    /// The thread held it, and a condition wait has released it.
    ReleasedByWait,
    /// The thread asked in a call that returns with the object or not at all, and no note follows. The thread itself treats it as
    /// held; another thread must read the lock's own memory.
    AskedOrHeld,
}

impl Stage {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Asked,
            2 => Self::Held,
            3 => Self::HeldJustMade,
            4 => Self::ReleasedByWait,
            5 => Self::AskedOrHeld,
            _ => Self::Nothing,
        }
    }
}

/// An entry's object kind, stage and stack in one word, so that one store publishes all: the stack's id in the upper half, then
/// [`SlotState::MARKED`], the [`Stage`] and the [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotState(u64);

impl SlotState {
    /// The slot lies above the newest entry; below it, a call has reserved the slot and not yet filled it.
    pub(super) const FREE: Self = Self(0);
    /// An entry was here, and others still lie above it.
    pub(super) const HOLE: Self = Self(0xff);
    const STAGE_SHIFT: u32 = 8;
    const STAGE: u64 = 0xff << Self::STAGE_SHIFT;
    /// Another thread is checking whether this entry is the one that it may empty.
    const MARKED: u64 = 1 << 31;

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
        Self(self.0 & !(Self::STAGE | Self::MARKED) | (stage as u64) << Self::STAGE_SHIFT)
    }
}

/// One slot, 32 bytes: two share a cache line.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Slot {
    address: AtomicUsize,
    /// The stack pointer of the call, to recognise slots whose call was left by `longjmp`.
    stack_pointer: AtomicUsize,
    /// A [`SlotState`].
    state: AtomicU64,
    /// With [`Stage::HeldJustMade`]: the stack that initialised the semaphore.
    made: AtomicU32,
}

// Every store by the owner is a Release store: on x86-64 that is a plain `mov`, and it keeps them in order. So a thread that loads
// (Acquire) what one entry wrote sees that the entry before it is gone.
impl Slot {
    #[cfg(loom)]
    pub(super) fn zeros() -> Self {
        Self {
            address: AtomicUsize::new(0),
            stack_pointer: AtomicUsize::new(0),
            state: AtomicU64::new(0),
            made: AtomicU32::new(0),
        }
    }

    /// Fills a slot that this call has reserved.
    #[inline(always)]
    pub(super) fn fill(&self, address: usize, stack_pointer: usize, state: SlotState) {
        self.address.store(address, Ordering::Release);
        self.stack_pointer.store(stack_pointer, Ordering::Release);
        // Release: pairs with the loads of `entry`, and publishes the words above.
        own::store_long(&self.state, state.0);
    }

    #[inline(always)]
    pub(super) fn state(&self) -> SlotState {
        // Acquire: pairs with the stores of `fill` and `set_state`.
        SlotState(self.state.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn set_state(&self, state: SlotState) {
        own::store_long(&self.state, state.0);
    }

    #[inline(always)]
    pub(super) fn set_stage(&self, stage: Stage) {
        self.set_state(self.state().at_stage(stage));
    }

    pub(super) fn set_just_made(&self, made: StackId) {
        self.made.store(made.0, Ordering::Release);
        self.set_stage(Stage::HeldJustMade);
    }

    /// Changes the slot's state from `old` to `new`; false where a signal handler has changed it.
    pub(super) fn replace_if(&self, old: SlotState, new: SlotState) -> bool {
        own::replace_long_if(&self.state, old.0, new.0)
    }

    #[inline(always)]
    pub(super) fn is_hole(&self) -> bool {
        self.state() == SlotState::HOLE
    }

    #[inline(always)]
    pub(super) fn is(&self, stage: Stage) -> bool {
        self.state().stage_number() == stage as u8
    }

    /// As the thread itself sees it.
    #[inline(always)]
    pub(super) fn is_held(&self) -> bool {
        self.state().stage_number() >= Stage::Held as u8
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
        // Relaxed: by the owner; who reads the address elsewhere goes by the whole of it.
        self.address.fetch_or(mark, Ordering::Relaxed);
    }

    /// For any thread: empties the slot if it holds this object. The owner may replace the entry at any time, so the entry is marked
    /// before it is read: every store by the owner removes the mark, and then nothing is changed.
    pub(super) fn disown(&self, address: usize) -> bool {
        let state = self.state();
        let marked = SlotState(state.0 | SlotState::MARKED);
        if state == marked || state.stage_number() < Stage::Held as u8 || self.address() != address {
            return false;
        }
        let exchange = |old: SlotState, new: SlotState| {
            // AcqRel: pairs with the owner's stores, so that the address below is that of the marked entry. Relaxed on failure,
            // where nothing follows.
            self.state
                .compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        if !exchange(state, marked) {
            return false;
        }
        let is_meant = self.address() == address;
        exchange(marked, if is_meant { SlotState::HOLE } else { state }) && is_meant
    }

    /// For any thread: the slot's entry; `None` where it has none.
    #[inline]
    pub(super) fn entry(&self) -> Option<Entry> {
        /// An owner that keeps changing the slot does not hold this lock throughout; the caller verifies the result.
        const MAX_LOOKS: u32 = 8;
        for look in 0.. {
            let state = self.state();
            let object = state.object()?;
            let mut stage = Stage::from_number(state.stage_number());
            let mut made = NO_STACK;
            if stage == Stage::HeldJustMade {
                // Acquire: with the next loads, pairs with the owner's stores, so that the last load of `state` says whether all
                // words are from one entry.
                (stage, made) = (Stage::Held, StackId(self.made.load(Ordering::Acquire)));
            }
            let entry = Entry {
                address: self.address(),
                object,
                stage,
                stack: state.stack(),
                made,
                stack_pointer: self.stack_pointer(),
            };
            // Acquire: the loads above stay above.
            fence(Ordering::Acquire);
            let unchanged = (state.0 ^ self.state().0) & !SlotState::MARKED == 0;
            if unchanged || look == MAX_LOOKS {
                return Some(entry).filter(|entry| entry.stage != Stage::Nothing);
            }
        }
        None
    }
}

/// What another thread reads from a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object's address.
    pub address: usize,
    /// Its kind.
    pub object: Object,
    /// The stage of the acquisition.
    pub stage: Stage,
    /// Where it was asked for.
    pub stack: StackId,
    /// Where it was initialised, if by this thread just before; else [`NO_STACK`].
    pub made: StackId,
    /// The stack pointer of the call, just above its return address; 0 where it is not known.
    pub stack_pointer: usize,
}
