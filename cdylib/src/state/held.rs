//! The locks that one thread holds or asks for, newest last.
//!
//! Only the thread itself writes (one exception: [`Held::disown`]); the forking thread reads. A slot is reserved first and
//! filled afterwards, so a signal handler that locks and unlocks in between finds and leaves the table sound. Whoever reads
//! from another thread verifies what it read against the lock's own memory, because it races with the owner.

mod slot;

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

pub use self::slot::{Entry, Object, Stage};
use self::slot::{Slot, What};
use super::depot::StackId;

/// The most locks a thread can hold at once and have told. A further acquisition is not remembered, and is counted.
pub const MAX_HELD: usize = 2048;

/// Marks the address of a lock that this thread held at the fork that made this process. No program has an address with this
/// bit, so that the hot path, which compares whole addresses, passes by such an entry.
const INHERITED: usize = 1 << 63;

/// The table. Lies in zeroed memory, which is its valid first state.
#[derive(Debug)]
#[repr(C)]
pub struct Held {
    count: AtomicU32,
    /// Acquisitions that found the table full.
    pub dropped: AtomicU64,
    slots: [Slot; MAX_HELD],
}

/// A reserved slot.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'table>(&'table Slot);

// Every store that another thread or a signal handler must see in order is a Release store: on x86-64 that is a plain
// `mov`, and it keeps the compiler from moving it before what stands above.
impl Held {
    /// Notes that the thread asks for this object; `None` where the table is full, which [`Self::no_room`] then mends.
    #[inline(always)]
    pub fn ask(&self, address: usize, object: Object, stack_pointer: usize, stack: StackId) -> Option<Ticket<'_>> {
        self.push(address, stack_pointer, What::new(stack, Stage::Asked, object))
    }

    /// Notes that the thread asks for this object in a call that either returns with it or never; false where the table is full.
    #[inline(always)]
    pub fn ask_for_good(&self, address: usize, object: Object, stack_pointer: usize, stack: StackId) -> bool {
        self.push(address, stack_pointer, What::new(stack, Stage::AskedOrHeld, object))
            .is_some()
    }

    #[inline(always)]
    fn push(&self, address: usize, stack_pointer: usize, what: What) -> Option<Ticket<'_>> {
        let index = self.count.load(Ordering::Relaxed);
        let slot = self.slots.get(index as usize)?;
        self.count.store(index + 1, Ordering::Release);
        slot.address.store(address, Ordering::Relaxed);
        slot.stack_pointer.store(stack_pointer, Ordering::Relaxed);
        slot.set_what(what);
        Some(Ticket(slot))
    }

    /// The call returned: the thread holds the object.
    #[inline(always)]
    pub fn took(&self, ticket: Ticket) {
        ticket.0.set_stage(Stage::Held);
    }

    /// As [`Self::took`], for a semaphore that this thread itself had just made there.
    pub fn took_own_making(&self, ticket: Ticket, made: StackId) {
        ticket.0.made.store(made.0, Ordering::Relaxed);
        ticket.0.set_stage(Stage::HeldOwnMaking);
    }

    /// The call returned without the object.
    #[inline(never)]
    pub fn did_not_take(&self, ticket: Ticket) {
        self.empty(ticket.0);
    }

    /// The thread releases this object, and it is the newest that it holds: its entry goes. False otherwise, and nothing
    /// is changed. The hot path: calls nothing.
    #[inline(always)]
    pub fn release_newest(&self, address: usize) -> bool {
        let top = self.count.load(Ordering::Relaxed).wrapping_sub(1);
        match self.slots.get(top as usize) {
            Some(slot) if slot.address.load(Ordering::Relaxed) == address && slot.is_held() => {
                self.empty_top(top, slot);
                true
            }
            _ => false,
        }
    }

    /// The thread releases this object: its newest entry of it goes. False where the thread does not hold it.
    pub fn release(&self, address: usize) -> bool {
        self.release_newest(address) || self.release_below(address)
    }

    #[inline(never)]
    fn release_below(&self, address: usize) -> bool {
        let newest = self.newest(|slot| slot.address.load(Ordering::Relaxed) == address && slot.is_held());
        match newest {
            Some(slot) => {
                self.empty(slot);
                true
            }
            None => false,
        }
    }

    /// Whether the thread holds nothing and asks for nothing.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// In the child of a fork: marks what the thread holds as inherited.
    #[inline(always)]
    pub fn inherit(&self) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        for slot in self.slots.iter().take(count).filter(|slot| slot.is_held()) {
            slot.address.fetch_or(INHERITED, Ordering::Relaxed);
        }
    }

    /// The thread releases an object that it held at the fork; its entry, `None` where it held no such object then.
    pub fn release_inherited(&self, address: usize) -> Option<Entry> {
        let inherited = address | INHERITED;
        let entry = self
            .entries_as_they_are()
            .filter(|entry| entry.address == inherited && matches!(entry.stage, Stage::Held | Stage::AskedOrHeld))
            .last()?;
        self.release_below(inherited).then_some(Entry { address, ..entry })
    }

    /// Whether the thread holds this object.
    pub fn holds(&self, address: usize) -> bool {
        let holds = |slot: &Slot| slot.address.load(Ordering::Relaxed) & !INHERITED == address && slot.is_held();
        self.newest(holds).is_some_and(|slot| !slot.is(Stage::GivenBack))
    }

    /// Begins or ends the time in which a condition wait has given a mutex back.
    pub fn give_back(&self, mutex: usize, given: bool) {
        let is_meant = |slot: &Slot| slot.address.load(Ordering::Relaxed) & !INHERITED == mutex && slot.is_held();
        let newest = self.newest(|slot| is_meant(slot) && slot.is(Stage::GivenBack) != given);
        if let Some(slot) = newest {
            slot.set_stage(if given { Stage::GivenBack } else { Stage::Held });
        }
    }

    /// Another thread has released this object in the owner's place. The one write that is not the owner's: it races with
    /// the owner's own moves, and at worst leaves an entry that verification then drops.
    pub fn disown(&self, address: usize) {
        let newest = self.newest(|slot| slot.address.load(Ordering::Relaxed) == address && slot.is_held());
        if let Some(slot) = newest {
            slot.clear();
        }
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries_as_they_are().map(|entry| Entry {
            address: entry.address & !INHERITED,
            ..entry
        })
    }

    fn entries_as_they_are(&self) -> impl Iterator<Item = Entry> {
        let count = self.count.load(Ordering::Acquire) as usize;
        self.slots
            .iter()
            .take(count)
            .enumerate()
            .filter_map(move |(index, slot)| {
                let entry = slot.entry()?;
                // A thread asks for one object at a time: what lies below its newest entry, it has.
                let has = entry.stage == Stage::AskedOrHeld && index + 1 < count;
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

    /// Drops entries of libc's locks whose calls were left by an exception or `longjmp`: their frames lay below this call's.
    pub fn drop_left_regions(&self, stack_pointer: usize) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        for slot in self.slots.iter().take(count).filter(|slot| slot.is_held()) {
            let is_region = slot.what().object() == Some(Object::LibcRegion);
            let its = slot.stack_pointer.load(Ordering::Relaxed);
            if is_region && its != 0 && its < stack_pointer {
                slot.clear();
            }
        }
        self.drop_empty_top(self.count.load(Ordering::Relaxed));
    }

    /// Forgets everything, for a record that gets a new thread.
    pub fn clear(&self) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        for slot in self.slots.iter().take(count) {
            slot.clear();
        }
        self.count.store(0, Ordering::Release);
    }

    fn newest(&self, fits: impl Fn(&Slot) -> bool) -> Option<&Slot> {
        let count = self.count.load(Ordering::Relaxed) as usize;
        self.slots
            .get(..count.min(MAX_HELD))?
            .iter()
            .rev()
            .find(|slot| fits(slot))
    }

    /// Empties a slot. One in the middle is filled from the top, unless the top is still being asked for: that call
    /// remembers its place.
    #[inline(always)]
    fn empty(&self, slot: &Slot) {
        let top = self.count.load(Ordering::Relaxed).wrapping_sub(1);
        match self.slots.get(top as usize) {
            Some(last) if core::ptr::eq(last, slot) => self.empty_top(top, slot),
            Some(last) => self.fill_from_top(slot, top, last),
            None => {}
        }
    }

    #[inline(always)]
    fn empty_top(&self, top: u32, slot: &Slot) {
        slot.clear();
        self.count.store(top, Ordering::Release);
        if top > 0 {
            self.drop_empty_top(top);
        }
    }

    #[inline(always)]
    fn drop_empty_top(&self, mut count: u32) {
        while let Some(slot) = self.slots.get(count.wrapping_sub(1) as usize) {
            if !slot.is(Stage::Empty) {
                break;
            }
            count -= 1;
            self.count.store(count, Ordering::Release);
        }
    }

    #[inline(never)]
    fn fill_from_top(&self, hole: &Slot, top: u32, last: &Slot) {
        hole.clear();
        if !last.is_held() {
            return;
        }
        hole.address
            .store(last.address.load(Ordering::Relaxed), Ordering::Relaxed);
        hole.stack_pointer
            .store(last.stack_pointer.load(Ordering::Relaxed), Ordering::Relaxed);
        hole.made.store(last.made.load(Ordering::Relaxed), Ordering::Relaxed);
        hole.set_what(last.what());
        self.empty_top(top, last);
    }

    /// The table is full: drop the slots of calls that were left by `longjmp` (their frames lie below this call's), and
    /// count what still cannot be kept.
    #[cold]
    #[inline(never)]
    pub fn no_room(&self, stack_pointer: usize) {
        for slot in &self.slots {
            let left = slot.is(Stage::Asked) && slot.stack_pointer.load(Ordering::Relaxed) < stack_pointer;
            if left {
                slot.clear();
            }
        }
        self.drop_empty_top(self.count.load(Ordering::Relaxed));
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, MAX_HELD, Object, Stage};
    use crate::state::depot::StackId;
    use std::sync::atomic::Ordering;

    fn table() -> Box<Held> {
        #[expect(unsafe_code, reason = "a zeroed table, as the kernel gives it")]
        // SAFETY: all-zero is the table's valid first state, as its documentation says.
        unsafe {
            Box::<Held>::new_zeroed().assume_init()
        }
    }

    fn take(held: &Held, address: usize) {
        held.took(held.ask(address, Object::Mutex, 1000, StackId(1)).unwrap());
    }

    fn addresses(held: &Held) -> Vec<usize> {
        held.entries()
            .filter(|entry| entry.stage == Stage::Held)
            .map(|entry| entry.address)
            .collect()
    }

    #[test]
    fn locks_come_and_go_in_any_order() {
        let held = table();
        for address in 1..=4 {
            take(&held, address);
        }
        assert!(held.release(2) && !held.release(2));
        assert_eq!(addresses(&held), [1, 4, 3]);
        assert!(held.release(3) && held.release(1) && held.release(4));
        assert_eq!(held.entries().count(), 0);
    }

    #[test]
    fn a_recursive_lock_needs_as_many_releases() {
        let held = table();
        take(&held, 9);
        take(&held, 9);
        assert!(held.release(9) && held.holds(9) && held.release(9) && !held.holds(9));
    }

    #[test]
    fn a_handler_between_asking_and_taking_leaves_the_table_sound() {
        let held = table();
        take(&held, 1);
        let outer = held.ask(2, Object::Mutex, 900, StackId(1)).unwrap();
        take(&held, 3);
        assert!(
            held.release(1),
            "the handler releases an outer lock below the asked slot"
        );
        assert!(held.release(3));
        held.took(outer);
        assert_eq!(addresses(&held), [2]);
        assert!(held.release(2));
        assert_eq!(held.entries().count(), 0);
    }

    #[test]
    fn of_calls_that_never_refuse_only_the_newest_may_still_be_asked_for() {
        let held = table();
        assert!(held.ask_for_good(1, Object::Mutex, 900, StackId(1)));
        assert!(held.ask_for_good(2, Object::Mutex, 800, StackId(2)));
        let stages: Vec<_> = held.entries().map(|entry| entry.stage).collect();
        assert_eq!(stages, [Stage::Held, Stage::AskedOrHeld]);
        held.give_back(2, true);
        assert!(held.holds(1) && !held.holds(2));
        held.give_back(2, false);
        assert!(held.holds(2) && held.release(2) && held.release(1) && held.is_empty());
    }

    #[test]
    fn a_condition_wait_gives_the_mutex_back_and_takes_it_again() {
        let held = table();
        take(&held, 5);
        held.give_back(5, true);
        assert!(!held.holds(5));
        held.give_back(5, false);
        assert!(held.holds(5));
    }

    #[test]
    fn what_was_held_at_the_fork_is_released_as_inherited() {
        let held = table();
        take(&held, 8);
        held.inherit();
        take(&held, 12);
        assert!(!held.release(8) && held.holds(8));
        assert_eq!(addresses(&held), [8, 12]);
        assert_eq!(held.release_inherited(8).unwrap().address, 8);
        assert!(held.release_inherited(8).is_none() && held.release_inherited(12).is_none());
        assert!(held.release(12) && held.is_empty());
    }

    #[test]
    fn calls_into_libc_that_were_left_are_dropped() {
        let held = table();
        take(&held, 8);
        held.took(held.ask(12, Object::LibcRegion, 500, StackId(1)).unwrap());
        held.took(held.ask(16, Object::LibcRegion, 2000, StackId(1)).unwrap());
        held.drop_left_regions(1000);
        assert_eq!(addresses(&held), [8, 16]);
    }

    #[test]
    fn another_thread_can_disown() {
        let held = table();
        take(&held, 5);
        take(&held, 6);
        held.disown(5);
        assert_eq!(addresses(&held), [6]);
        assert!(held.release(6));
        assert_eq!(held.entries().count(), 0);
    }

    #[test]
    fn a_full_table_counts_and_recovers_from_longjmp() {
        let held = table();
        for _ in 0..MAX_HELD {
            let _left_by_longjmp = held.ask(1, Object::Semaphore, 500, StackId(1)).unwrap();
        }
        assert!(held.ask(2, Object::Semaphore, 1000, StackId(1)).is_none());
        held.no_room(1000);
        assert_eq!(held.dropped.load(Ordering::Relaxed), 1);
        take(&held, 3);
        assert_eq!(addresses(&held), [3]);
    }
}
