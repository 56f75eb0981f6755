//! Memory directly from the kernel: the hooks' tables lie here, never in the program's heap.
#![expect(unsafe_code, reason = "anonymous mappings")]

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// Reserves `bytes` of zeroed memory that costs nothing until it is touched; `None` where the kernel refuses. It stays reserved
/// until [`release`].
pub fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    map(bytes, MapFlags::PRIVATE | MapFlags::NORESERVE)
}

/// The same, shared with the children of later forks.
pub fn reserve_shared(bytes: usize) -> Option<NonNull<u8>> {
    map(bytes, MapFlags::SHARED | MapFlags::NORESERVE)
}

fn map(bytes: usize, flags: MapFlags) -> Option<NonNull<u8>> {
    // SAFETY: a fresh anonymous mapping at an address that the kernel chooses touches no memory in use.
    let place = unsafe { mmap_anonymous(null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
    NonNull::new(place.ok()?.cast::<u8>())
}

/// Returns a region to the kernel.
///
/// # Safety
/// `place` and `bytes` are those of one [`reserve`], and nothing refers into it any more.
pub unsafe fn release(place: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. A failure leaves the memory where it is, which harms nobody.
    let _kept_on_failure = unsafe { rustix::mm::munmap(place.as_ptr().cast::<c_void>(), bytes) };
}

/// Returns the pages of a part of a region to the kernel: it reads as zero again, and costs nothing until it is touched.
///
/// # Safety
/// The part lies in one [`reserve`]d region, begins and ends at a page, and nobody relies on what it holds.
pub unsafe fn discard(place: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. A failure keeps the pages and what they hold, which harms nobody.
    let _kept_on_failure = unsafe { madvise(place.as_ptr().cast::<c_void>(), bytes, Advice::LinuxDontNeed) };
}
