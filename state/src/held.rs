//! The locks that one thread holds or asks for, newest last.
//!
//! Only the thread itself writes (with one exception: [`Held::disown`]); the forking thread reads. The thread's signal handlers may
//! run at any instruction, lock and unlock, and keep what they locked or unlock what the thread holds: so each change is one
//! instruction ([`own`]), and the table is consistent after each.
//!
//! An entry never moves, so a scan finds every lock that is held throughout. An entry that is removed from the middle leaves a
//! hole; holes at the top are dropped, and those below are reused once the table has grown to [`HOT`] entries.
//!
//! | a slot says | the slot | who changes it |
//! |---|---|---|
//! | [`SlotState::FREE`] at or above `count` | is unused | a call that counts up, and so reserves it |
//! | [`SlotState::FREE`] below `count` | is reserved by a call that fills it, or about to be counted down by one | that call |
//! | [`SlotState::HOLE`] | is empty | a call that makes it [`SlotState::FREE`] |
//! | anything else | is an entry | the owner; [`Held::disown`] |
//!
//! Another thread races with the owner, so it verifies what it read against the lock's own memory.

mod slot;

pub use self::slot::{Entry, Object, Stage};
use self::slot::{Slot, SlotState};
use crate::depot::StackId;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, own};

/// The most locks a thread can hold at once and have reported. A further acquisition is not remembered, and is counted.
pub const MAX_HELD: usize = if cfg!(loom) { 6 } else { 2048 };

/// This many entries are stacked without searching for a hole.
const HOT: u32 = if cfg!(loom) { 3 } else { 64 };

/// Marks the address of a lock that this thread held at the fork that made this process. No program has an address with this
/// bit, so the hot path, which compares whole addresses, skips such an entry.
const INHERITED: usize = 1 << 63;

/// The table. Zeroed memory is its valid first state.
#[derive(Debug)]
#[repr(C)]
pub struct Held {
    count: AtomicU32,
    /// Whether there may be holes.
    has_holes: AtomicBool,
    /// In a forked child, how many of the lowest slots are inherited and not marked as such yet: see [`Held::inherit`].
    unmarked: AtomicU32,
    /// Acquisitions that found the table full.
    dropped: AtomicU64,
    slots: [Slot; MAX_HELD],
}

/// A reserved slot.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'table>(&'table Slot);

impl Ticket<'_> {
    /// What was noted; `None` where a signal handler has changed it.
    pub fn entry(&self) -> Option<Entry> {
        self.0.entry()
    }
}

// Relaxed, unless noted: the owner reads and writes its own words. Its instructions on `count` have the orderings Acquire and
// Release, and pair with the load of `used`.
impl Held {
    /// An empty table.
    #[cfg(loom)]
    pub fn zeros() -> Self {
        Self {
            count: AtomicU32::new(0),
            has_holes: AtomicBool::new(false),
            unmarked: AtomicU32::new(0),
            dropped: AtomicU64::new(0),
            slots: core::array::from_fn(|_| Slot::zeros()),
        }
    }

    /// Notes that the thread asks for this object; `None` where [`Self::ask_slowly`] must search for a slot.
    #[inline(always)]
    pub fn ask(&self, address: usize, object: Object, stack_pointer: usize, stack: StackId) -> Option<Ticket<'_>> {
        self.push(address, stack_pointer, SlotState::new(stack, Stage::Asked, object))
    }

    /// Notes that the thread asks for this object in a call that either returns with it or never returns; false where
    /// [`Self::ask_slowly`] must search for a slot.
    #[inline(always)]
    pub fn ask_infallible(&self, address: usize, object: Object, stack_pointer: usize, stack: StackId) -> bool {
        self.push(
            address,
            stack_pointer,
            SlotState::new(stack, Stage::AskedOrHeld, object),
        )
        .is_some()
    }

    #[inline(always)]
    fn push(&self, address: usize, stack_pointer: usize, state: SlotState) -> Option<Ticket<'_>> {
        if self.count.load(Ordering::Relaxed) >= HOT {
            return None;
        }
        let slot = self.reserve_top()?;
        slot.fill(address, stack_pointer, state);
        Some(Ticket(slot))
    }

    #[inline(always)]
    fn reserve_top(&self) -> Option<&Slot> {
        // Counted before it is filled, so that a handler's entries go above it.
        let index = own::fetch_add(&self.count, 1);
        match self.slots.get(index as usize) {
            Some(slot) => Some(slot),
            None => {
                // Handlers that interrupted this have counted down as far as they counted up.
                own::fetch_add(&self.count, u32::MAX);
                None
            }
        }
    }

    /// As [`Self::ask`], wherever a slot is free; `None` where the table is full; [`Self::drop_one`] then makes room.
    #[cold]
    #[inline(never)]
    pub fn ask_slowly(
        &self,
        address: usize,
        object: Object,
        stack_pointer: usize,
        stack: StackId,
    ) -> Option<Ticket<'_>> {
        self.mark_inherited();
        let slot = self.take_hole().or_else(|| self.reserve_top())?;
        slot.fill(address, stack_pointer, SlotState::new(stack, Stage::Asked, object));
        Some(Ticket(slot))
    }

    fn take_hole(&self) -> Option<&Slot> {
        // Acquire: pairs with the store of `disown`, so that the hole is seen.
        if !self.has_holes.load(Ordering::Acquire) {
            return None;
        }
        // Before the search, so that a hole that a handler leaves meanwhile is not forgotten.
        self.has_holes.store(false, Ordering::Relaxed);
        let hole = self
            .used()
            .iter()
            .find(|slot| slot.replace_if(SlotState::HOLE, SlotState::FREE))?;
        self.has_holes.store(true, Ordering::Relaxed);
        Some(hole)
    }

    /// The slots that may hold something.
    #[inline(always)]
    fn used(&self) -> &[Slot] {
        // Acquire, for other threads: pairs with the owner's changes of the count.
        let count = self.count.load(Ordering::Acquire) as usize;
        self.slots.get(..count.min(MAX_HELD)).unwrap_or(&[])
    }

    /// The call returned: the thread holds the object.
    #[inline(always)]
    pub fn took(&self, ticket: Ticket) {
        ticket.0.set_stage(Stage::Held);
    }

    /// As [`Self::took`], for a semaphore that this thread had just initialised, at `made`.
    pub fn took_just_made(&self, ticket: Ticket, made: StackId) {
        ticket.0.set_just_made(made);
    }

    /// The call returned without the object.
    #[inline(never)]
    pub fn did_not_take(&self, ticket: Ticket) {
        self.leave_hole(ticket.0);
        self.drop_holes();
    }

    /// Removes the newest entry, if it is this object's: the thread releases the object. False otherwise, and nothing is changed.
    /// The hot path: calls nothing, unless there is a hole below.
    #[inline(always)]
    pub fn release_newest(&self, address: usize) -> bool {
        let top = self.count.load(Ordering::Relaxed).wrapping_sub(1);
        match self.slots.get(top as usize) {
            Some(slot) if slot.address() == address && slot.is_held() => {
                self.empty_top(top, slot);
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn empty_top(&self, top: u32, slot: &Slot) {
        // Free rather than a hole, which a handler would drop first; and freed before it is counted down, so that the next call
        // finds it free.
        slot.set_state(SlotState::FREE);
        if own::replace_if(&self.count, top + 1, top) {
            if self.slots.get(top.wrapping_sub(1) as usize).is_some_and(Slot::is_hole) {
                self.drop_holes();
            }
        } else {
            self.is_below_others(slot);
        }
    }

    /// A signal handler ran before the slot was counted down, and keeps what it locked.
    #[cold]
    #[inline(never)]
    fn is_below_others(&self, slot: &Slot) {
        self.leave_hole(slot);
        self.drop_holes();
    }

    fn leave_hole(&self, slot: &Slot) {
        slot.set_state(SlotState::HOLE);
        self.has_holes.store(true, Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn drop_holes(&self) {
        loop {
            let count = self.count.load(Ordering::Relaxed);
            let Some(slot) = self.slots.get(count.wrapping_sub(1) as usize) else {
                return;
            };
            if !slot.replace_if(SlotState::HOLE, SlotState::FREE) {
                return;
            }
            if !own::replace_if(&self.count, count, count - 1) {
                // As in `is_below_others`.
                self.leave_hole(slot);
            }
        }
    }

    /// Removes the newest entry for this object: the thread releases it. False where the thread does not hold it.
    pub fn release(&self, address: usize) -> bool {
        self.release_newest(address) || self.release_below(address)
    }

    #[inline(never)]
    fn release_below(&self, address: usize) -> bool {
        self.mark_inherited();
        let Some(slot) = self.newest(|slot| slot.address() == address && slot.is_held()) else {
            return false;
        };
        self.leave_hole(slot);
        self.drop_holes();
        true
    }

    /// The addresses in the slots just above the newest entry: of what the thread released last, which it may be releasing still.
    pub fn released_last(&self) -> impl Iterator<Item = usize> {
        /// Calls that were noted out of order leave their slots a little higher.
        const FEW: usize = 4;
        let used = self.used().len();
        let slots = self.slots.get(used..).unwrap_or(&[]).iter().take(FEW);
        slots
            .map(|slot| slot.address() & !INHERITED)
            .filter(|&address| address != 0)
    }

    /// Whether the thread holds nothing and asks for nothing.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// In the child of a fork: what the thread holds is inherited. Marks only the newest entry, so that a child writes no page for
    /// each hundred locks that it never touches: the hot path stops there, and every other way to an older entry marks all first.
    #[inline(always)]
    pub fn inherit(&self) {
        let used = self.used();
        // One lock call may be under way, if a signal handler forks: the hot path will take its entry from above the newest.
        if let Some(newest) = used.iter().rposition(Slot::is_held)
            && let Some(slot) = used.get(newest)
        {
            slot.mark_address(INHERITED);
            self.unmarked
                .store(u32::try_from(newest + 1).unwrap_or(0), Ordering::Relaxed);
        }
    }

    fn mark_inherited(&self) {
        let unmarked = self.unmarked.load(Ordering::Relaxed);
        if unmarked != 0 {
            let inherited = self.used().iter().take(unmarked as usize);
            inherited
                .filter(|slot| slot.is_held())
                .for_each(|slot| slot.mark_address(INHERITED));
            // Release: pairs with the load of `disown`, so that another thread sees the number or the marks.
            self.unmarked.store(0, Ordering::Release);
        }
    }

    /// The newest entry of an object that the thread held at the fork and has held since; `None` where there is none.
    pub fn inherited(&self, address: usize) -> Option<Entry> {
        self.mark_inherited();
        let inherited = address | INHERITED;
        let entry = self
            .entries_as_they_are()
            .filter(|entry| entry.address == inherited && matches!(entry.stage, Stage::Held | Stage::AskedOrHeld))
            .last()?;
        Some(Entry { address, ..entry })
    }

    /// The thread releases an object that it held at the fork. Returns its entry; `None` where it held no such object then.
    pub fn release_inherited(&self, address: usize) -> Option<Entry> {
        let entry = self.inherited(address)?;
        self.release_below(address | INHERITED).then_some(entry)
    }

    /// Whether the thread holds this object.
    pub fn holds(&self, address: usize) -> bool {
        let holds = |slot: &Slot| slot.address() & !INHERITED == address && slot.is_held();
        self.newest(holds).is_some_and(|slot| !slot.is(Stage::ReleasedByWait))
    }

    /// Notes that a condition wait has released a mutex, or has it again.
    pub fn set_released_by_wait(&self, mutex: usize, given: bool) {
        let is_meant = |slot: &Slot| slot.address() & !INHERITED == mutex && slot.is_held();
        let newest = self.newest(|slot| is_meant(slot) && slot.is(Stage::ReleasedByWait) != given);
        if let Some(slot) = newest {
            slot.set_stage(if given { Stage::ReleasedByWait } else { Stage::Held });
        }
    }

    /// Another thread has released this object in the owner's place. The only write by another thread.
    pub fn disown(&self, address: usize) {
        // Acquire: pairs with the store of `mark_inherited`.
        let inherited = self.unmarked.load(Ordering::Acquire) as usize;
        if self
            .used()
            .iter()
            .skip(inherited)
            .rev()
            .any(|slot| slot.disown(address))
        {
            // Release: pairs with the load of `take_hole`. Otherwise the owner might see the note before the hole, and forget it.
            self.has_holes.store(true, Ordering::Release);
        }
    }

    /// All entries, oldest first, except for those that fill a hole.
    #[inline]
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries_as_they_are().map(|entry| Entry {
            address: entry.address & !INHERITED,
            ..entry
        })
    }

    #[inline]
    fn entries_as_they_are(&self) -> impl Iterator<Item = Entry> {
        let used = self.used();
        used.iter().enumerate().filter_map(move |(index, slot)| {
            let entry = slot.entry()?;
            // A thread asks for one object at a time, so it holds everything below its newest entry. (Only calls that may return
            // without their object fill holes.)
            let has = entry.stage == Stage::AskedOrHeld && index + 1 < used.len();
            Some(if has {
                Entry {
                    stage: Stage::Held,
                    ..entry
                }
            } else {
                entry
            })
        })
    }

    /// Drops the entries of libc's locks whose calls were left by an exception or `longjmp`: their frames were below this call's.
    pub fn drop_left_regions(&self, stack_pointer: usize) {
        for slot in self.used().iter().filter(|slot| slot.is_held()) {
            let is_region = slot.state().object() == Some(Object::LibcRegion);
            let its = slot.stack_pointer();
            if is_region && its != 0 && its < stack_pointer {
                self.leave_hole(slot);
            }
        }
        self.drop_holes();
    }

    /// Forgets everything, for a record that is reused for a new thread.
    pub fn clear(&self) {
        for slot in self.used() {
            slot.set_state(SlotState::FREE);
        }
        self.has_holes.store(false, Ordering::Relaxed);
        self.unmarked.store(0, Ordering::Relaxed);
        // Release: pairs with the load of `used`.
        self.count.store(0, Ordering::Release);
    }

    fn newest(&self, fits: impl Fn(&Slot) -> bool) -> Option<&Slot> {
        self.used().iter().rev().find(|slot| fits(slot))
    }

    /// The table is full: drops the slots of calls that were left by `longjmp` (their frames lie below this call's), and counts the
    /// acquisition that cannot be kept.
    #[cold]
    #[inline(never)]
    pub fn drop_one(&self, stack_pointer: usize) {
        for slot in &self.slots {
            if slot.is(Stage::Asked) && slot.stack_pointer() < stack_pointer {
                self.leave_hole(slot);
            }
        }
        self.drop_holes();
        // Relaxed: a count.
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Acquisitions that found the table full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The same, and sets it to zero.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
