//! Acquisition stacks without unwinding: the verified stack cache.
//!
//! Unwinding costs about a microsecond, so each distinct stack is unwound once. An entry keeps, beside the return addresses,
//! the stack slots they were read from. The next call from the same place with the same stack pointer compares those slots
//! with the kept addresses: all equal means the same chain of callers, exactly.
//!
//! Several chains that lead to one helper share return address and stack pointer. For one return address the slot of the
//! *second* return address lies at a fixed distance, so what stands there chooses the set too.
//!
//! A signal handler may interrupt any of this and look up stacks of its own: a lookup only reads, and while the unwinder
//! runs and entries change, the thread is busy.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::depot::{self, NO_STACK, StackId};
use super::unwind;
use crate::system::process;

/// The end of the chain, and the calls' place in it, as the naked entry of a hook passes them.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Where the hooked call returns to.
    pub return_address: usize,
    /// The caller's stack pointer after the return; the return address stands just below.
    pub stack_pointer: usize,
    /// The hooked function.
    pub function: &'static str,
}

const WORD: usize = size_of::<usize>();
/// Known stacks a thread: SETS times WAYS, 288 bytes each, of which 16 frames touch 96; pages that no stack falls into cost nothing.
const SETS: usize = 64;
const WAYS: usize = 4;
const SITES: usize = 256;
/// Unwinding is refused with less room than this on the stack: libgcc's contexts take about 3 KiB.
const ROOM_TO_UNWIND: usize = 8 * 1024;

/// At the bottom of the first thread's stack: what called `main`, what called that, and `_start`. They never return, so
/// their slots need no verification once the walk has come down to them.
const FRAMES_THAT_NEVER_RETURN: usize = 3;

/// So many unknown stacks are taken by their return address alone in the child of a lone thread, before it is thought to stay.
const MOST_SKIPPED: u32 = 64;

/// Frames kept for an acquisition; written once by [`configure`], 0 keeps nothing.
static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// Sets how many frames an acquisition keeps: 0 none, 1 the return address alone.
pub fn configure(depth: usize) {
    DEPTH.store(depth.min(depot::MAX_FRAMES), Ordering::Relaxed);
}

/// How many frames an acquisition keeps.
pub fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed)
}

/// Where a return address's second one stands, as a distance in bytes from the stack pointer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Site {
    return_address: usize,
    /// 0: not known, or not the same each time.
    distance: usize,
}

/// One known stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Known {
    return_address: usize,
    stack_pointer: usize,
    frames: *const usize,
    stack: StackId,
    /// Frames to verify beyond the first, which is the key.
    count: u32,
    /// For each of those frames: how many bytes above the caller's stack pointer its slot lies.
    distances: [u32; depot::MAX_FRAMES],
}

/// One thread's cache. Lies in zeroed memory, which is its valid first state; only its thread uses it.
#[derive(Debug)]
#[repr(C)]
pub struct StackCache {
    /// The unwinding that may still be paid for, in ticks of the processor's clock; see [`StackCache::may_unwind`].
    credit: i64,
    last_tick: u64,
    /// Stacks that were not unwound because this process is young; see [`MOST_SKIPPED`].
    skipped: u32,
    sites: [Site; SITES],
    /// The most recent hit of each set comes first.
    sets: [[Known; WAYS]; SETS],
}

impl StackCache {
    /// The id of the stack that ends in this call, if the first look finds it. `bounds` are the lowest address and
    /// the size of this thread's stack; with a size of 0 nothing is found. The hot path: nothing is called from here.
    #[inline(always)]
    pub fn known(&self, caller: Caller, bounds: (usize, usize)) -> Option<StackId> {
        let second = match self.second_address(caller, bounds) {
            Some(second) => second,
            None if bounds.1 == 0 => return None,
            None => 0,
        };
        let set = set_of(caller, second);
        let first = self.sets.get(set)?.first()?;
        (first.is_of(caller) && first.still_stands()).then_some(first.stack)
    }

    /// The id of the stack that ends in this call, by the other ways of its set, or else the unwinder. `bounds` are the
    /// lowest address and the size of this thread's stack.
    pub fn find(&mut self, caller: Caller, bounds: (usize, usize)) -> StackId {
        let set = set_of(caller, self.second_address(caller, bounds).unwrap_or(0));
        let ways = self.sets.get(set).map_or(&[][..], |ways| &ways[..]);
        match ways.iter().find(|known| known.is_of(caller) && known.still_stands()) {
            Some(known) => known.stack,
            None => self.learn(caller, bounds),
        }
    }

    /// What stands where this caller's second return address was last seen; `None` where that is not known.
    #[inline(always)]
    fn second_address(&self, caller: Caller, (low, span): (usize, usize)) -> Option<usize> {
        match self.sites.get(site_of(caller)) {
            Some(site) if site.return_address == caller.return_address && site.distance != 0 => {
                // One comparison: on another stack (a coroutine's, a signal handler's) nobody knows where it ends, and a slot
                // that wraps into this thread's own stack is mapped, too.
                if caller.stack_pointer.wrapping_sub(low).wrapping_add(site.distance) >= span {
                    return None;
                }
                let slot = caller.stack_pointer.wrapping_add(site.distance);
                // SAFETY: the slot lies on this thread's own stack, as checked just now: above the caller's stack pointer, or,
                // in a thread with a stack of its own size, in a part of it that is mapped from the start.
                #[expect(unsafe_code, reason = "a slot of this thread's own stack")]
                Some(unsafe { (slot as *const usize).read_volatile() })
            }
            _ => None,
        }
    }

    /// Unwinds, and keeps the result for the next time.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, caller: Caller, bounds: (usize, usize)) -> StackId {
        let depth = DEPTH.load(Ordering::Relaxed);
        let alone = [caller.return_address];
        if depth <= 1 {
            let stack = if depth == 0 { NO_STACK } else { depot::intern(&alone) };
            self.insert(caller, bounds, Known::by_key_alone(caller, stack));
            return stack;
        }
        if self.skipped < MOST_SKIPPED && !process::is_known() {
            // The child of a lone thread, which mostly ends or executes soon: what it unwinds is lost with it.
            self.skipped += 1;
            return depot::intern(&alone);
        }
        let (low, high) = (bounds.0, bounds.0.saturating_add(bounds.1));
        let on_own_stack = caller.stack_pointer > low.saturating_add(ROOM_TO_UNWIND) && caller.stack_pointer < high;
        if !on_own_stack || !unwind::is_safe() || !self.may_unwind() {
            return depot::intern(&alone);
        }
        let walked = unwind::walk_from(caller.stack_pointer, depth);
        self.pay();
        let frames = walked.frames();
        if frames.first() != Some(&caller.return_address) {
            return depot::intern(&alone);
        }
        let stack = depot::intern(frames);
        if stack != NO_STACK {
            self.keep(caller, bounds, stack, walked.slots(), walked.is_complete());
        }
        stack
    }

    fn keep(&mut self, caller: Caller, bounds: (usize, usize), stack: StackId, slots: &[usize], complete: bool) {
        let frames = depot::frames(stack);
        let mut known = Known {
            frames: frames.as_ptr(),
            ..Known::by_key_alone(caller, stack)
        };
        let lasting = if complete { FRAMES_THAT_NEVER_RETURN } else { 0 };
        let to_verify = frames.len().saturating_sub(lasting);
        for ((&frame, &slot), distance) in frames
            .iter()
            .zip(slots)
            .take(to_verify)
            .skip(1)
            .zip(&mut known.distances)
        {
            let within = slot >= caller.stack_pointer && slot.wrapping_sub(bounds.0) < bounds.1 && slot % WORD == 0;
            // SAFETY: the slot lies on this thread's stack, above the caller's stack pointer.
            #[expect(unsafe_code, reason = "a slot of this thread's own stack")]
            if !within || unsafe { (slot as *const usize).read_volatile() } != frame {
                // A signal frame, or code that lies about its frame: such a stack is unwound each time.
                return;
            }
            let Ok(bytes) = u32::try_from(slot - caller.stack_pointer) else {
                return;
            };
            *distance = bytes;
            known.count += 1;
        }
        self.learn_site(
            caller,
            if known.count > 0 {
                known.distances[0] as usize
            } else {
                0
            },
        );
        self.insert(caller, bounds, known);
    }

    fn insert(&mut self, caller: Caller, bounds: (usize, usize), known: Known) {
        let set = set_of(caller, self.second_address(caller, bounds).unwrap_or(0));
        if let Some(ways) = self.sets.get_mut(set) {
            ways.rotate_right(1);
            ways[0] = known;
        }
    }

    /// Learns where a caller's second return address stands. The first caller to take a place keeps it, so that a lookup
    /// and the insertion before it always agree; one whose distance varies does without.
    fn learn_site(&mut self, caller: Caller, distance: usize) {
        let Some(site) = self.sites.get_mut(site_of(caller)) else {
            return;
        };
        if site.return_address == 0 {
            *site = Site {
                return_address: caller.return_address,
                distance,
            };
        } else if site.return_address == caller.return_address && site.distance != distance {
            site.distance = 0;
        }
    }

    /// Bounds the rate of unwinding: a thread starts with credit for some thousand stacks and earns an eighth of the time
    /// that passes, so that a program whose stacks never repeat loses at most about an eighth of its time.
    fn may_unwind(&mut self) -> bool {
        const FIRST_CREDIT: i64 = 20_000_000;
        let now = tick();
        if self.last_tick == 0 {
            self.credit = FIRST_CREDIT;
        } else {
            let earned = i64::try_from(now.saturating_sub(self.last_tick) / 8).unwrap_or(FIRST_CREDIT);
            self.credit = self.credit.saturating_add(earned).min(FIRST_CREDIT);
        }
        self.last_tick = now;
        self.credit > 0
    }

    fn pay(&mut self) {
        let now = tick();
        self.credit -= i64::try_from(now.saturating_sub(self.last_tick)).unwrap_or(0);
        self.last_tick = now;
    }
}

impl Known {
    fn by_key_alone(caller: Caller, stack: StackId) -> Self {
        Self {
            return_address: caller.return_address,
            stack_pointer: caller.stack_pointer,
            frames: core::ptr::null(),
            stack,
            count: 0,
            distances: [0; depot::MAX_FRAMES],
        }
    }

    #[inline(always)]
    fn is_of(&self, caller: Caller) -> bool {
        self.return_address == caller.return_address && self.stack_pointer == caller.stack_pointer
    }

    /// Whether every return address still stands where it was read. Two at a time, which halves the loop's own cost.
    #[inline(always)]
    fn still_stands(&self) -> bool {
        let count = self.count as usize;
        let mut index = count & 1;
        if index == 1 && !self.stands(0) {
            return false;
        }
        while index != count {
            if !self.stands(index) || !self.stands(index + 1) {
                return false;
            }
            index += 2;
        }
        true
    }

    /// Whether the return address of the frame `index + 1` still stands; `index` is less than `count`.
    #[inline(always)]
    fn stands(&self, index: usize) -> bool {
        // SAFETY: the key matched, so the stack pointer is the one these slots were checked against when kept: they lie
        // between it and the end of this thread's stack. There are `count` distances, and one frame more than that.
        #[expect(unsafe_code, reason = "slots of this thread's own stack")]
        unsafe {
            let distance = *self.distances.as_ptr().add(index) as usize;
            let slot = self.stack_pointer.wrapping_add(distance) as *const usize;
            slot.read_volatile() == self.frames.add(index + 1).read()
        }
    }
}

#[inline(always)]
fn site_of(caller: Caller) -> usize {
    (caller.return_address ^ caller.return_address >> 8) % SITES
}

#[inline(always)]
fn set_of(caller: Caller, second: usize) -> usize {
    let key = caller.return_address ^ caller.stack_pointer.rotate_left(20) ^ second.rotate_left(40);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % SETS
}

/// The processor's clock; it only has to run evenly enough to bound a rate.
fn tick() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; a process in which it is forbidden (PR_SET_TSC) is none that
    // uses locks and threads normally.
    #[expect(unsafe_code, reason = "rdtsc")]
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}
