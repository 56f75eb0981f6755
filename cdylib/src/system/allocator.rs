//! The library's own heap, over memory directly from the kernel: we never allocate from the program's heap.
//!
//! Its lock is taken before a fork and re-written in the child (see [`hold_for_fork`]), so that the child can allocate.
#![expect(unsafe_code, reason = "a source of memory for the allocator")]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forkwatch_state::pieces::Pieces;
use lock_api::RawMutex;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::own_lock::OwnLock;
use super::region;

/// Memory for lasting data: in chunks, each mapped when the last one is used up.
#[derive(Debug)]
pub struct KernelMemory;

/// The least a heap grows by.
const CHUNK: usize = 1 << 20;
/// Mappings begin at a page, which is the most alignment they can give.
const PAGE: usize = 4096;

// SAFETY: every claimed range is a fresh mapping that nobody else knows.
unsafe impl Source for KernelMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let need = layout
            .size()
            .checked_add(layout.align())
            .and_then(|size| size.checked_add(PAGE))
            .ok_or(())?;
        let bytes = need.max(CHUNK).checked_next_multiple_of(PAGE).ok_or(())?;
        let place = region::reserve_for_ever(bytes).ok_or(())?;
        // SAFETY: the region was reserved just now and is given to this heap for ever.
        unsafe { talc.claim(place.as_ptr(), bytes) }.map(|_| ()).ok_or(())
    }
}

/// Memory for one finding: one region, used chunk by chunk, that is returned to the kernel afterwards.
#[derive(Debug)]
pub struct ScratchMemory;

/// The most scratch memory that one finding can use; beyond that it uses the lasting heap. Untouched, the region costs nothing,
/// except where the program's address space is limited: there it is no more than a quarter of what is left.
const MAX_SCRATCH_BYTES: usize = 256 << 20;
const MIN_SCRATCH_BYTES: usize = 1 << 20;
/// Relaxed, as the two below: written under the heap's lock, which a thread also takes to get a piece of this memory.
static SCRATCH_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Relaxed: as above.
static SCRATCH_START: AtomicUsize = AtomicUsize::new(0);
/// Relaxed: as above.
static SCRATCH_USED: AtomicUsize = AtomicUsize::new(0);
/// The pieces of scratch memory that are in use.
static SCRATCH_PIECES: Pieces = Pieces::empty();
/// Which memory new pieces come from. Relaxed: written by the holder of the report lock, and other threads may read either value.
static SCRATCH_ON: AtomicBool = AtomicBool::new(false);

// SAFETY: every claimed range is a part of the scratch region that was not claimed before, or not since the last clearing.
unsafe impl Source for ScratchMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, _layout: Layout) -> Result<(), ()> {
        // Called under the heap's lock, so no other thread changes these.
        let mut start = SCRATCH_START.load(Ordering::Relaxed);
        if start == 0 {
            // Never more than before: another thread that frees a piece may see the last region's start with this one's size.
            let mut bytes = match SCRATCH_BYTES.load(Ordering::Relaxed) {
                0 => MAX_SCRATCH_BYTES,
                last => last,
            };
            while !has_memory(4 * bytes) {
                bytes /= 2;
                if bytes < MIN_SCRATCH_BYTES {
                    return Err(());
                }
            }
            start = region::reserve(bytes).ok_or(())?.as_ptr() as usize;
            SCRATCH_BYTES.store(bytes, Ordering::Relaxed);
            SCRATCH_START.store(start, Ordering::Relaxed);
        }
        let used = SCRATCH_USED.load(Ordering::Relaxed);
        if used + CHUNK > SCRATCH_BYTES.load(Ordering::Relaxed) {
            return Err(());
        }
        SCRATCH_USED.store(used + CHUNK, Ordering::Relaxed);
        // SAFETY: these bytes of the region belong to nobody.
        unsafe { talc.claim((start + used) as *mut u8, CHUNK) }
            .map(|_| ())
            .ok_or(())
    }
}

#[unsafe(link_section = ".data.forkwatch_fork")]
static LOCK_OF_HEAP: OwnLock = OwnLock::INIT;

/// Makes the heap's lock accessible: `TalcLock` keeps its own lock private.
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

#[unsafe(link_section = ".data.forkwatch_fork")]
static HEAP: TalcLock<HeapLock, KernelMemory> = TalcLock::new(KernelMemory);
static SCRATCH: TalcLock<HeapLock, ScratchMemory> = TalcLock::new(ScratchMemory);

/// Whether the kernel would give this much memory now. A failed allocation ends the program, so large users ask first.
pub fn has_memory(bytes: usize) -> bool {
    let Some(place) = region::reserve(bytes) else {
        return false;
    };
    // SAFETY: the region was made just now, and nobody has seen it.
    unsafe { region::release(place, bytes) };
    true
}

/// The library's heap: three kinds of piece, distinguished by size and address.
///
/// * Large ones (sections of files, tables of the symboliser) are mappings of their own.
/// * Small ones allocated while a finding is judged and reported lie in scratch memory.
/// * All others come from the lasting heap.
///
/// Every resident page would be copied at every fork of the program; so the first two kinds are returned to the kernel.
#[derive(Debug)]
pub struct OwnHeap;

/// From this size on, in bytes, a piece is a mapping of its own.
const LARGE: usize = 16 << 10;

#[cfg_attr(not(test), global_allocator)]
static OWN_HEAP: OwnHeap = OwnHeap;

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE
}

fn is_scratch(piece: *mut u8) -> bool {
    let start = SCRATCH_START.load(Ordering::Relaxed);
    start != 0 && (start..start + SCRATCH_BYTES.load(Ordering::Relaxed)).contains(&(piece as usize))
}

// SAFETY: each source gives pieces of the layout's size and alignment, and a piece is freed to the source that its layout and
// address determine, which is the one it came from.
unsafe impl GlobalAlloc for OwnHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            return region::reserve(layout.size()).map_or(null_mut(), NonNull::as_ptr);
        }
        if SCRATCH_ON.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            let piece = SCRATCH_PIECES.hand_out(|| NonNull::new(unsafe { SCRATCH.alloc(layout) }));
            if let Some(piece) = piece {
                return piece.as_ptr();
            }
        }
        // SAFETY: the caller's promise.
        unsafe { HEAP.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let piece = unsafe { self.alloc(layout) };
        // A fresh mapping is already zero, and writing to it would allocate its pages.
        if !piece.is_null() && !is_large(layout) {
            // SAFETY: the piece is as long as the layout says.
            unsafe { piece.write_bytes(0, layout.size()) };
        }
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: the caller is done with the piece, which came from the source determined here.
        unsafe {
            if is_large(layout) {
                if let Some(piece) = NonNull::new(piece) {
                    region::release(piece, layout.size());
                }
            } else if is_scratch(piece) {
                SCRATCH.dealloc(piece, layout);
                SCRATCH_PIECES.take_back();
            } else {
                HEAP.dealloc(piece, layout);
            }
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` is valid with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if !is_large(layout) && !is_large(wanted) && !is_scratch(piece) {
            // SAFETY: the piece came from there and stays there.
            return unsafe { HEAP.realloc(piece, layout, size) };
        }
        // SAFETY: the new piece is fresh, both are at least as long as what is copied, and the old one is freed once.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                core::ptr::copy_nonoverlapping(piece, new, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            new
        }
    }
}

/// Restores the choice of memory, also when the work panics.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        SCRATCH_ON.store(self.0, Ordering::Relaxed);
    }
}

/// Runs `work` with scratch memory for its allocations; those that outlive it stay valid until they are freed. Called by one
/// thread at a time.
pub fn with_scratch<R>(work: impl FnOnce() -> R) -> R {
    let _before = Before(SCRATCH_ON.swap(true, Ordering::Relaxed));
    work()
}

/// Runs `work` with lasting memory for its allocations, within [`with_scratch`].
pub fn with_lasting<R>(work: impl FnOnce() -> R) -> R {
    let _before = Before(SCRATCH_ON.swap(false, Ordering::Relaxed));
    work()
}

/// Returns the scratch memory to the kernel, if no piece of it is in use: each fork would copy its mapping.
pub fn clear_scratch() {
    let mut scratch = SCRATCH.lock();
    let used = SCRATCH_USED.load(Ordering::Relaxed);
    if used == 0 || !SCRATCH_PIECES.none_left() {
        return;
    }
    *scratch = Talc::new(ScratchMemory);
    SCRATCH_USED.store(0, Ordering::Relaxed);
    let start = SCRATCH_START.swap(0, Ordering::Relaxed);
    if let Some(start) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(start)) {
        // SAFETY: the region is ours, and nothing in it is in use any more.
        unsafe { region::release(start, SCRATCH_BYTES.load(Ordering::Relaxed)) };
    }
}

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
#[inline(always)]
pub fn forget_in_child() {
    LOCK_OF_HEAP.forget_in_child();
}

#[cfg(test)]
mod tests {
    use super::{OWN_HEAP, SCRATCH_PIECES, SCRATCH_USED, clear_scratch, with_lasting, with_scratch};
    use std::alloc::{GlobalAlloc, Layout};
    use std::sync::atomic::Ordering;

    fn use_a_piece(size: usize) {
        let layout = Layout::from_size_align(size, 64).unwrap();
        let longer = Layout::from_size_align(size * 2, 64).unwrap();
        // SAFETY: the layouts are not of size zero, and the piece is freed with the layout it has then.
        unsafe {
            let piece = OWN_HEAP.alloc(layout);
            assert!(!piece.is_null() && (piece as usize).is_multiple_of(64));
            piece.write_bytes(7, size);
            let piece = OWN_HEAP.realloc(piece, layout, longer.size());
            assert_eq!((*piece, *piece.add(size - 1)), (7, 7));
            OWN_HEAP.dealloc(piece, longer);
        }
    }

    #[test]
    fn pieces_of_all_kinds_come_and_go() {
        let sizes = [1, 100, 10_000, 20_000, 5_000_000];
        sizes.into_iter().for_each(use_a_piece);
        with_scratch(|| sizes.into_iter().for_each(use_a_piece));
        assert_ne!(SCRATCH_USED.load(Ordering::Relaxed), 0);
        assert!(SCRATCH_PIECES.none_left());
        clear_scratch();
        assert_eq!(SCRATCH_USED.load(Ordering::Relaxed), 0);
        with_scratch(|| with_lasting(|| use_a_piece(100)));
        assert_eq!(SCRATCH_USED.load(Ordering::Relaxed), 0);
    }
}
