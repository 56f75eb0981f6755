//! Acquisition stacks without unwinding: the verified stack cache.
//!
//! Unwinding costs about a microsecond, so each distinct stack is unwound once. An entry keeps the return addresses and the stack
//! slots they were read from. The next call from the same place with the same stack pointer compares those slots with the kept
//! addresses: if all are equal, the call chain is exactly the same.
//!
//! A place with only one known call chain is found directly by return address and stack pointer ([`StackCache::only`]). Several
//! chains that lead to one helper share both. For one return address, the slot of the *second* return address lies at a fixed
//! distance, so its content selects a set of stacks ([`StackCache::sets`]).
//!
//! Only the thread itself uses its cache: the words are atomic, and Relaxed, only because of its signal handlers.
//!
//! A signal handler may interrupt a lookup and look up stacks itself: a lookup only reads, and while the unwinder runs and
//! entries change, the thread is busy.

mod known;

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use forkwatch_process::processor::return_address;

use self::known::Known;
use super::credit::Credit;
use super::depot::{self, NO_STACK, StackId};
use super::unwind::{self, Reach};
use crate::system::process;

/// The end of the chain, and the calls' place in it, as the naked entry of a hook passes them.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Where the hooked call returns to.
    pub return_address: usize,
    /// The caller's stack pointer after the return; the return address is just below it.
    pub stack_pointer: usize,
    /// The hooked function; through a second reference, because a `str` takes two words and a hook has few registers to spare.
    pub function: &'static &'static str,
}

impl Caller {
    /// The caller of a hook that has not returned yet, from what is left of it in a register.
    pub fn of_hook(stack_pointer: usize, function: &'static &'static str) -> Self {
        // SAFETY: while the hook runs, its return address is just below its caller's stack pointer.
        #[expect(unsafe_code, reason = "the hook's return address")]
        let return_address = unsafe { (stack_pointer as *const usize).sub(1).read() };
        Self {
            return_address,
            stack_pointer,
            function,
        }
    }
}

const WORD: usize = size_of::<usize>();
/// Known stacks a thread: SETS times WAYS, 288 bytes each, of which 16 frames touch 96; pages that no stack falls into cost nothing.
const SETS: usize = 64;
const WAYS: usize = 4;
const SITES: usize = 256;
const ONLY: usize = 32;
/// How many times in a row one of several chains must be found before it is tried first.
const MANY_IN_A_ROW: u32 = 64;
/// At the bottom of the first thread's stack: what called `main`, what called that, and `_start`. They never return, so
/// their slots need no verification once the walk has come down to them.
const FRAMES_THAT_NEVER_RETURN: usize = 3;

/// How many unknown stacks are recorded by their return address alone in the child of a single-threaded process. After that, the
/// child is unlikely to end or exec soon, and unwinding pays.
const MAX_SKIPPED: u32 = 64;

/// Frames kept for an acquisition; 0 keeps nothing. Relaxed: [`configure`] writes it once, before the first thread is followed.
static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// What a thread starts with, in ticks: enough for some thousand stacks.
const FIRST_CREDIT: i64 = 20_000_000;
/// The most that one unwinding is charged. One that took longer was interrupted, or found the unwinder's tables cold.
const MAX_CHARGE: u64 = 200_000;

/// Sets how many frames an acquisition keeps: 0 none, 1 the return address alone.
pub fn configure(depth: usize) {
    DEPTH.store(depth.min(depot::MAX_FRAMES), Ordering::Relaxed);
}

/// How many frames an acquisition keeps.
pub fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed)
}

/// The stack of a call of which only the caller is known.
pub fn of_caller_alone(caller: Caller) -> StackId {
    match depth() {
        0 => NO_STACK,
        _ => depot::intern(&[caller.return_address]),
    }
}

/// Where the second return address lies for this first one, as a distance in bytes from the stack pointer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Site {
    return_address: usize,
    /// 0: not known, or not the same each time.
    distance: usize,
}

impl Site {
    const UNKNOWN: Self = Self {
        return_address: 0,
        distance: 0,
    };
}

/// One thread's cache. Zeroed memory is its valid first state; only its thread uses it.
#[derive(Debug)]
#[repr(C)]
pub struct StackCache {
    /// The lowest address and the size of the stack that all of this was read from.
    bounds: (usize, usize),
    /// A bit for each of `sets` that holds something.
    used: u64,
    /// The unwinding that may still be paid for.
    credit: Credit,
    /// Stacks that were not unwound because this process is young; see [`MAX_SKIPPED`].
    skipped: u32,
    sites: [Site; SITES],
    /// The stacks of places with only one recent call chain.
    only: [Known; ONLY],
    /// Which of several chains was found last, in the upper half, and how often in a row.
    last: [AtomicU64; ONLY],
    /// The most recent hit of each set comes first.
    sets: [[Known; WAYS]; SETS],
}

const _: () = assert!(SETS <= u64::BITS as usize, "`used` has a bit for each set");

impl StackCache {
    /// A thread begins, on the stack with this lowest address and this size. Forgets what was read from another stack: its slots
    /// may no longer be mapped.
    pub fn begin_on(&mut self, bounds: (usize, usize)) {
        if self.bounds == bounds {
            return;
        }
        // Only clears what was written, so as not to touch unused pages.
        if self.used != 0 {
            self.sites = [Site::UNKNOWN; SITES];
            for (only, last) in self.only.iter_mut().zip(&self.last) {
                only.forget();
                last.store(0, Ordering::Relaxed);
            }
        }
        for (set, ways) in self.sets.iter_mut().enumerate() {
            if self.used & 1 << set != 0 {
                ways.iter_mut().for_each(Known::forget);
            }
        }
        self.used = 0;
        self.bounds = bounds;
    }

    /// The id of the stack that ends in this call, where only one chain is known and its slots still match. Where the thread's stack
    /// is not known, nothing is. The hot path: calls nothing.
    #[inline(always)]
    pub fn known_only(&self, caller: Caller) -> Option<StackId> {
        let only = self.only.get(only_of(caller))?;
        (only.is_of(caller) && only.still_stands()).then_some(only.stack)
    }

    /// The id of the stack that ends in this call, if it is the first candidate among several chains. `bounds` are the lowest
    /// address and the size of this thread's stack. Hot, too.
    #[inline(always)]
    pub fn known_among(&self, caller: Caller, bounds: (usize, usize)) -> Option<StackId> {
        let second = self.second_address(caller, bounds).unwrap_or(0);
        let set = set_of(caller, second);
        let first = self.sets.get(set)?.first()?;
        (first.is_of(caller) && first.still_stands() && self.may_stay(caller, first.stack)).then_some(first.stack)
    }

    /// Notes which of several chains was found. False where [`Self::find`] must run: the chain was found many times in a row, or
    /// it alternates with the one that is tried first.
    #[inline(always)]
    fn may_stay(&self, caller: Caller, stack: StackId) -> bool {
        let index = only_of(caller);
        let (Some(last), Some(only)) = (self.last.get(index), self.only.get(index)) else {
            return true;
        };
        let before = last.load(Ordering::Relaxed);
        if before >> 32 == u64::from(stack.0) {
            last.store(before + 1, Ordering::Relaxed);
            before & 0xffff_ffff < u64::from(MANY_IN_A_ROW)
        } else {
            last.store(u64::from(stack.0) << 32, Ordering::Relaxed);
            !only.is_of(caller)
        }
    }

    /// Decides which of several chains is tried first: the one that was found many times in a row, or none.
    fn choose(&mut self, caller: Caller, known: Known) {
        let index = only_of(caller);
        let (Some(last), Some(only)) = (self.last.get(index), self.only.get_mut(index)) else {
            return;
        };
        let before = last.load(Ordering::Relaxed);
        if before >> 32 == u64::from(known.stack.0) && before & 0xffff_ffff >= u64::from(MANY_IN_A_ROW) {
            *only = known;
            last.store(0, Ordering::Relaxed);
        } else if only.is_of(caller) {
            *only = Known::by_key_alone(caller.with_several_chains(), NO_STACK);
        }
    }

    /// The id of the stack that ends in this call, from the other ways of its set, or else from the unwinder. `bounds` are the
    /// lowest address and the size of this thread's stack.
    pub fn find(&mut self, caller: Caller, bounds: (usize, usize)) -> StackId {
        let set = set_of(caller, self.second_address(caller, bounds).unwrap_or(0));
        let ways = self.sets.get(set).map_or(&[][..], |ways| &ways[..]);
        match ways.iter().find(|known| known.is_of(caller) && known.still_stands()) {
            Some(&known) => {
                self.choose(caller, known);
                known.stack
            }
            None => self.learn(caller, bounds),
        }
    }

    /// Forgets every stack, whatever state the cache is in, but keeps the credit. `bounds` are those of the thread's stack.
    pub fn forget_all(&mut self, bounds: (usize, usize)) {
        let credit = core::mem::take(&mut self.credit);
        // SAFETY: all-zero is a valid state of the cache, as its documentation says.
        #[expect(unsafe_code, reason = "as the kernel gave it")]
        unsafe {
            core::ptr::from_mut(self).write_bytes(0, 1);
        }
        self.credit = credit;
        self.begin_on(bounds);
    }

    /// The word where this caller's second return address was last seen; `None` where that is not known.
    #[inline(always)]
    fn second_address(&self, caller: Caller, (low, span): (usize, usize)) -> Option<usize> {
        match self.sites.get(site_of(caller)) {
            Some(site) if site.return_address == caller.return_address && site.distance != 0 => {
                // One comparison: nobody knows where another stack (a coroutine's, a signal handler's) ends, and a slot that
                // wraps into this thread's own stack is mapped, too.
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
        if self.skipped < MAX_SKIPPED && !process::owns_state() {
            // The child of a single-threaded process usually ends or execs soon, and what it unwinds is lost with it.
            self.skipped += 1;
            return depot::intern(&alone);
        }
        let (low, high) = (bounds.0, bounds.0.saturating_add(bounds.1));
        let on_own_stack = caller.stack_pointer > low.saturating_add(unwind::MIN_STACK) && caller.stack_pointer < high;
        if !on_own_stack || !self.credit.is_left(FIRST_CREDIT) {
            return depot::intern(&alone);
        }
        let walked = unwind::walk_from(caller.stack_pointer, depth, Reach::OwnStack);
        self.credit.pay(MAX_CHARGE);
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
            if !within || return_address(unsafe { (slot as *const usize).read_volatile() }) != frame {
                // A signal frame, or code with wrong unwind tables: such a stack is unwound each time.
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
            self.used |= 1 << set;
        }
        if let Some(only) = self.only.get_mut(only_of(caller)) {
            if only.is_of(caller) || only.is_of(caller.with_several_chains()) {
                *only = Known::by_key_alone(caller.with_several_chains(), NO_STACK);
            } else {
                *only = known;
            }
        }
    }

    /// Learns where a caller's second return address lies. The first caller to take a place keeps it, so that a lookup and the
    /// insertion before it always agree; a caller whose distance varies gets none.
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
}

impl Caller {
    /// A key that no caller has, for a place with several known chains.
    fn with_several_chains(self) -> Self {
        Self {
            stack_pointer: self.stack_pointer | 1,
            ..self
        }
    }
}

#[inline(always)]
fn site_of(caller: Caller) -> usize {
    (caller.return_address ^ caller.return_address >> 8) % SITES
}

#[inline(always)]
fn only_of(caller: Caller) -> usize {
    (caller.return_address ^ caller.return_address >> 5 ^ caller.stack_pointer >> 4) % ONLY
}

#[inline(always)]
fn set_of(caller: Caller, second: usize) -> usize {
    let key = caller.return_address ^ caller.stack_pointer.rotate_left(20) ^ second.rotate_left(40);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % SETS
}
