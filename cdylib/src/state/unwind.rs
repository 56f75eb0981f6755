//! Walks this thread's own stack with the system's unwinder, and keeps where each return address stood.
//!
//! Only called when no lock of ours is held. libgcc before 12 takes the loader's lock here; [`is_safe`] tells whether the
//! running one does without.

#![expect(unsafe_code, reason = "the unwinder's call to libc")]

use core::arch::global_asm;
use core::ffi::{c_int, c_void};

use super::depot::MAX_FRAMES;
use super::own_code;
use crate::system::next_definition::Scope;
use crate::system::real::{nothing, real_function};

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
    unsafe {
        backtrace::trace_unsynchronized(each);
    }
    walked
}

/// Whether walking takes no lock of the loader's: glibc 2.35 and later have `_dl_find_object`, and libgcc 12 and later
/// call it.
pub fn is_safe() -> bool {
    DL_FIND_OBJECT.if_there().is_some()
}

real_function!(static DL_FIND_OBJECT = c"_dl_find_object", Scope::Next, None, Some(nothing));

// The unwinder that is linked in calls this. Libc's own name in the symbol table would keep the library from loading where libc
// does not have it; ours is hidden, so that nobody else ever sees it.
global_asm!(
    ".hidden _dl_find_object",
    ".globl _dl_find_object",
    ".type _dl_find_object,@function",
    "_dl_find_object:",
    "jmp {find_object}",
    find_object = sym find_object,
);

/// As `_dl_find_object` (glibc 2.35): 0 when the object at this address was found and the structure filled, else -1.
unsafe extern "C" fn find_object(address: *mut c_void, object: *mut c_void) -> c_int {
    let Some(real) = DL_FIND_OBJECT.if_there() else {
        return -1;
    };
    // SAFETY: libc's function of this name has this type.
    let real =
        unsafe { core::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int>(real) };
    // SAFETY: the unwinder's own call.
    unsafe { real(address, object) }
}
