//! Walks this thread's own stack with the system's unwinder, and keeps where each return address stood.
//!
//! Only called when no lock of ours is held. libgcc before 12 takes the loader's lock here; [`is_safe`] tells whether the
//! running one does without.

use core::sync::atomic::{AtomicU8, Ordering};

use super::depot::MAX_FRAMES;
use super::own_code;
use crate::system::real::Real;

/// A stack as it was walked: the return addresses from the hooked call outwards, our own frames left out.
#[derive(Debug)]
pub struct Walked {
    frames: [usize; MAX_FRAMES],
    slots: [usize; MAX_FRAMES],
    length: usize,
    complete: bool,
}

impl Walked {
    /// The return addresses, innermost first.
    pub fn frames(&self) -> &[usize] {
        self.frames.get(..self.length).unwrap_or_default()
    }

    /// For each frame, the address on the stack where its return address stands (by the ABI, just below the caller's stack
    /// pointer). Whether it really stands there is for the reader to check.
    pub fn slots(&self) -> &[usize] {
        self.slots.get(..self.length).unwrap_or_default()
    }

    /// Whether the walk came to the very first frame of the first thread.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn push(&mut self, frame: usize, slot: usize) {
        if let (Some(into), Some(at)) = (self.frames.get_mut(self.length), self.slots.get_mut(self.length)) {
            (*into, *at) = (frame, slot);
            self.length += 1;
        }
    }
}

/// Walks from the frame whose stack pointer, after the hooked call has returned, is `stack_pointer`; at most `depth`
/// frames. Where that frame is not found, the result is empty.
#[inline(never)]
pub fn walk_from(stack_pointer: usize, depth: usize) -> Walked {
    walk(depth, |frame_pointer| frame_pointer == stack_pointer)
}

/// Walks from the first frame that is not ours and lies above `address`, a place in a frame of ours.
#[inline(never)]
pub fn walk_from_above(address: usize, depth: usize) -> Walked {
    walk(depth, |frame_pointer| frame_pointer > address)
}

/// Walks from the first frame that is not ours.
#[inline(never)]
pub fn walk_from_caller(depth: usize) -> Walked {
    walk(depth, |_| true)
}

fn walk(depth: usize, begins: impl Fn(usize) -> bool) -> Walked {
    let mut walked = Walked {
        frames: [0; MAX_FRAMES],
        slots: [0; MAX_FRAMES],
        length: 0,
        complete: false,
    };
    let mut begun = false;
    let each = |frame: &backtrace::Frame| {
        let (ip, after) = (frame.ip() as usize, frame.sp() as usize);
        if ip == 0 {
            // Below the first frame of all.
            walked.complete = true;
            return false;
        }
        let ours = own_code::contains(ip);
        if !begun {
            if ours || !begins(after) {
                return true;
            }
            begun = true;
        } else if ours {
            // The wrapper that starts a thread: what stands below is libc's.
            return false;
        }
        walked.push(ip, after.wrapping_sub(size_of::<usize>()));
        walked.length < depth
    };
    // SAFETY: the function asks for no other thread in the crate's own state; walking without names touches none of it.
    #[expect(unsafe_code, reason = "the crate's unsynchronized walk")]
    unsafe {
        backtrace::trace_unsynchronized(each);
    }
    walked
}

/// Whether walking takes no lock of the loader's: glibc 2.35 and later have `_dl_find_object`, and libgcc 12 and later
/// call it.
pub fn is_safe() -> bool {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    static KNOWN: AtomicU8 = AtomicU8::new(UNKNOWN);
    static DL_FIND_OBJECT: Real = Real::new(c"_dl_find_object");
    // Relaxed: the answer is the same whoever finds it.
    match KNOWN.load(Ordering::Relaxed) {
        UNKNOWN => {
            let safe = !DL_FIND_OBJECT.address().is_null();
            KNOWN.store(if safe { YES } else { NO }, Ordering::Relaxed);
            safe
        }
        known => known == YES,
    }
}
