//! Memory straight from the kernel: the hooks' tables lie here, never in the program's heap.
#![expect(unsafe_code, reason = "anonymous mappings")]

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// Reserves `bytes` of zeroed memory that costs nothing until it is touched; `None` where the kernel refuses. It is never
/// given back.
pub fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a fresh anonymous mapping at a place of the kernel's choice touches no memory in use.
    let place = unsafe { mmap_anonymous(null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
    NonNull::new(place.ok()?.cast::<u8>())
}

/// Gives a region back.
///
/// # Safety
/// `place` and `bytes` are those of one [`reserve`], and nothing refers into it any more.
pub unsafe fn release(place: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. A failure leaves the memory where it is, which harms nobody.
    let _kept_on_failure = unsafe { rustix::mm::munmap(place.as_ptr().cast::<c_void>(), bytes) };
}

/// Gives the pages of a part of a region back to the kernel: what lies there is zero again, and costs nothing until it is
/// touched.
///
/// # Safety
/// The part lies in one [`reserve`]d region, begins and ends at a page, and nobody relies on what it holds.
pub unsafe fn discard(place: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise. A failure keeps the pages and what they hold, which harms nobody.
    let _kept_on_failure = unsafe { madvise(place.as_ptr().cast::<c_void>(), bytes, Advice::LinuxDontNeed) };
}

/// A table that many threads share, made on first use. Large tables lie here and not in the library's own data, because every
/// mapping of a library is copied at each fork of the program, while regions lie together and count once.
#[derive(Debug)]
pub struct Table<T>(AtomicPtr<T>);

/// Types whose valid first state is all zeros, and that need no destructor.
///
/// # Safety
/// All-zero memory must be a valid value of the type, which must be usable from many threads.
pub unsafe trait FromZeros: Sync {}

impl<T: FromZeros> Table<T> {
    /// A table that nobody has used yet.
    pub const fn not_made() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// The table; `None` where the kernel gives no memory.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        let place = NonNull::new(self.0.load(Ordering::Acquire)).or_else(|| self.make())?;
        // SAFETY: the region has the size of a `T`, is zeroed at first, which `FromZeros` makes a valid value, and stays.
        Some(unsafe { place.as_ref() })
    }

    /// The table, if it was ever used.
    #[inline(always)]
    pub fn if_made(&self) -> Option<&'static T> {
        // SAFETY: as in `get`.
        NonNull::new(self.0.load(Ordering::Acquire)).map(|place| unsafe { place.as_ref() })
    }

    #[cold]
    fn make(&self) -> Option<NonNull<T>> {
        let fresh = reserve(size_of::<T>())?.cast::<T>();
        match self
            .0
            .compare_exchange(null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Some(fresh),
            Err(first) => {
                // SAFETY: this thread lost the race, and nobody has seen its region.
                unsafe { release(fresh.cast::<u8>(), size_of::<T>()) };
                NonNull::new(first)
            }
        }
    }
}
