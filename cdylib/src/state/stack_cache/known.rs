//! One stack that was unwound once, and whether it is the one in progress.

use forkwatch_process::processor::return_address;

use super::Caller;
use crate::state::depot::{self, StackId};

/// One known stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Known {
    pub(super) return_address: usize,
    pub(super) stack_pointer: usize,
    pub(super) frames: *const usize,
    pub(super) stack: StackId,
    /// Frames to verify beyond the first, which is the key.
    pub(super) count: u32,
    /// For each of those frames: how many bytes above the caller's stack pointer its slot lies.
    pub(super) distances: [u32; depot::MAX_FRAMES],
}

impl Known {
    pub(super) fn by_key_alone(caller: Caller, stack: StackId) -> Self {
        Self {
            return_address: caller.return_address,
            stack_pointer: caller.stack_pointer,
            frames: core::ptr::null(),
            stack,
            count: 0,
            distances: [0; depot::MAX_FRAMES],
        }
    }

    /// Makes it match no caller.
    pub(super) fn forget(&mut self) {
        self.return_address = 0;
    }

    #[inline(always)]
    pub(super) fn is_of(&self, caller: Caller) -> bool {
        self.return_address == caller.return_address && self.stack_pointer == caller.stack_pointer
    }

    /// Whether every return address is still where it was read. The number of loads bounds the speed, so two distances are read
    /// at once.
    #[inline(always)]
    pub(super) fn still_stands(&self) -> bool {
        // SAFETY: there are `count` distances, and one frame more than that, the first of which is the key.
        #[expect(unsafe_code, reason = "two distances in one load")]
        unsafe {
            let (frames, distances) = (self.frames.add(1), self.distances.as_ptr());
            let count = self.count as usize;
            let mut index = count & 1;
            if index != 0 && !self.stands(*distances as usize, frames) {
                return false;
            }
            while index != count {
                let both = distances.add(index).cast::<usize>().read_unaligned();
                if !self.stands(both & 0xffff_ffff, frames.add(index))
                    || !self.stands(both >> 32, frames.add(index + 1))
                {
                    return false;
                }
                index += 2;
            }
        }
        true
    }

    /// Whether this frame's return address is still at this distance from the stack pointer.
    ///
    /// # Safety
    /// The frame and the distance are this stack's, and the stack pointer is the one of the call in progress.
    #[inline(always)]
    #[expect(unsafe_code, reason = "slots of this thread's own stack")]
    unsafe fn stands(&self, distance: usize, frame: *const usize) -> bool {
        let slot = self.stack_pointer.wrapping_add(distance) as *const usize;
        // SAFETY: these slots were checked against this stack pointer when kept: they lie between it and the end of this
        // thread's stack.
        let (word, address) = unsafe { (slot.read_volatile(), frame.read()) };
        // A processor may sign return addresses on the stack.
        word == address || cfg!(target_arch = "aarch64") && return_address(word) == address
    }
}
