//! Memory directly from the kernel: the hooks' tables lie here, never in the program's heap.
#![expect(unsafe_code, reason = "anonymous mappings")]

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

const PAGE: usize = 4096;
/// How far below our own library the first lasting region lies: beyond the program's other libraries, which would leave no place
/// next to it.
const DISTANCE: usize = 64 << 20;

/// Where the last lasting region begins, or 0. Relaxed: only a wish.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Reserves `bytes` of zeroed memory that costs nothing until it is touched; `None` where the kernel refuses. It stays reserved
/// until [`release`].
pub fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    map(0, bytes, MapFlags::PRIVATE | MapFlags::NORESERVE)
}

/// The same, for ever: next to the last such region where possible, so that both are one mapping, of which a fork copies each for
/// microseconds.
pub fn reserve_for_ever(bytes: usize) -> Option<NonNull<u8>> {
    let last = match LAST.load(Ordering::Relaxed) {
        0 => (&raw const LAST as usize).saturating_sub(DISTANCE),
        last => last,
    };
    let place = map(
        last.saturating_sub(bytes) & !(PAGE - 1),
        bytes,
        MapFlags::PRIVATE | MapFlags::NORESERVE,
    )?;
    LAST.store(place.as_ptr() as usize, Ordering::Relaxed);
    Some(place)
}

/// The same, shared with the children of later forks.
pub fn reserve_shared(bytes: usize) -> Option<NonNull<u8>> {
    map(0, bytes, MapFlags::SHARED | MapFlags::NORESERVE)
}

/// `wish` is an address, or 0. Where it is taken, the kernel chooses another.
fn map(wish: usize, bytes: usize, flags: MapFlags) -> Option<NonNull<u8>> {
    let wish = core::ptr::with_exposed_provenance_mut::<c_void>(wish);
    // SAFETY: a fresh anonymous mapping at an address that the kernel chooses touches no memory in use.
    let place = unsafe { mmap_anonymous(wish, bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
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
