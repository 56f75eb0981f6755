//! The library's own heap, over memory straight from the kernel: nothing of ours ever lies in the program's heap.
//!
//! Its lock is taken before a fork and re-written in the child (see [`hold_for_fork`]), so that the child can allocate.
#![expect(unsafe_code, reason = "a source of memory for the allocator")]

use lock_api::RawMutex;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::own_lock::OwnLock;
use super::region;

/// Hands out memory in chunks, each mapped when the last one is used up; unused pages cost nothing.
#[derive(Debug)]
pub struct KernelMemory;

/// The least the heap grows by.
const CHUNK: usize = 1 << 20;

// SAFETY: every claimed range is a fresh mapping that nobody else knows.
unsafe impl Source for KernelMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: core::alloc::Layout) -> Result<(), ()> {
        let need = layout.size().checked_add(layout.align()).and_then(|size| size.checked_add(4096)).ok_or(())?;
        let bytes = need.max(CHUNK).checked_next_multiple_of(4096).ok_or(())?;
        let place = region::reserve(bytes).ok_or(())?;
        // SAFETY: the region was reserved just now and is given to this heap for ever.
        match unsafe { talc.claim(place.as_ptr(), bytes) } {
            Some(_) => Ok(()),
            None => Err(()),
        }
    }
}

static LOCK_OF_HEAP: OwnLock = OwnLock::INIT;

/// A way to the heap's lock from outside: `TalcLock` keeps the lock it is given to itself.
#[derive(Debug)]
pub struct HeapLock;

// SAFETY: every call goes to one `OwnLock`, which excludes.
unsafe impl RawMutex for HeapLock {
    const INIT: Self = Self;
    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        LOCK_OF_HEAP.lock();
    }

    fn try_lock(&self) -> bool {
        LOCK_OF_HEAP.try_lock()
    }

    unsafe fn unlock(&self) {
        // SAFETY: the caller holds it, by the trait's own rule.
        unsafe { LOCK_OF_HEAP.unlock() }
    }
}

#[cfg_attr(not(test), global_allocator)]
static HEAP: TalcLock<HeapLock, KernelMemory> = TalcLock::new(KernelMemory);

/// Takes the heap's lock, so that the copy finds the heap whole. Nothing may allocate until [`release_in_parent`] or
/// [`forget_in_child`].
pub fn hold_for_fork() {
    LOCK_OF_HEAP.lock();
}

/// Frees the heap after a fork, in the parent.
pub fn release_in_parent() {
    // SAFETY: this thread took it in `hold_for_fork`.
    unsafe { LOCK_OF_HEAP.unlock() }
}

/// Frees the heap after a fork, in the child.
pub fn forget_in_child() {
    LOCK_OF_HEAP.forget_in_child();
}

#[cfg(test)]
mod tests {
    use super::HEAP;
    use std::alloc::{GlobalAlloc, Layout};

    #[test]
    fn small_and_large_pieces_come_and_go() {
        for size in [1, 100, 5_000_000] {
            let layout = Layout::from_size_align(size, 64).unwrap();
            // SAFETY: the layout is not of size zero, and the piece is freed with the layout it was made with.
            unsafe {
                let piece = HEAP.alloc(layout);
                assert!(!piece.is_null() && piece as usize % 64 == 0);
                piece.write_bytes(1, size);
                HEAP.dealloc(piece, layout);
            }
        }
    }
}
