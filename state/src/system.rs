//! What the tables need from the kernel, and the tables that lie in its memory.
#![expect(unsafe_code, reason = "tables in zeroed memory")]

use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};
use core::time::Duration;

use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// The kernel's services that the tables need; the models have a replacement.
///
/// # Safety
/// `reserve` returns zeroed memory that nobody else has, at the beginning of a page.
pub unsafe trait System: Sync + 'static {
    /// Zeroed memory that costs nothing until it is touched; `None` where the kernel refuses.
    fn reserve(bytes: usize) -> Option<NonNull<u8>>;

    /// Returns memory.
    ///
    /// # Safety
    /// It is that of one `reserve`, and nothing refers into it any more.
    unsafe fn release(place: NonNull<u8>, bytes: usize);

    /// Returns the pages of memory, which is zero from then on, or stays unchanged.
    ///
    /// # Safety
    /// The part lies in memory of one `reserve`, begins and ends at a page, and nobody relies on what it holds.
    unsafe fn discard(place: NonNull<u8>, bytes: usize);

    /// Sleeps while the word has this value; ends early for any reason, and after `at_most`.
    fn sleep_while(word: &AtomicU32, value: u32, at_most: Option<Duration>);

    /// Wakes one thread that sleeps on this word.
    fn wake_one(word: &AtomicU32);

    /// Wakes every thread that sleeps on this word.
    fn wake_all(word: &AtomicU32);
}

/// Types whose valid first state is all zeros, and that need no destructor.
///
/// # Safety
/// All-zero memory must be a valid value of the type, which must be usable from many threads.
pub unsafe trait FromZeros: Sync {
    /// The first state, for the models: loom's atomics are not made of zeros.
    #[cfg(loom)]
    fn zeros() -> Self;
}

/// A table that many threads share, made on first use. Large tables lie here rather than in the library's own data, because each
/// fork copies every mapping of a library, while the kernel merges adjacent anonymous memory into one mapping.
#[derive(Debug)]
#[repr(transparent)]
pub struct Table<T, S> {
    place: AtomicPtr<T>,
    system: PhantomData<fn() -> S>,
}

impl<T: FromZeros, S: System> Table<T, S> {
    /// A table that nobody has used yet.
    #[cfg(not(loom))]
    pub const fn not_made() -> Self {
        Self {
            place: AtomicPtr::new(null_mut()),
            system: PhantomData,
        }
    }

    /// A table that nobody has used yet.
    #[cfg(loom)]
    pub fn not_made() -> Self {
        Self {
            place: AtomicPtr::new(null_mut()),
            system: PhantomData,
        }
    }

    /// The table; `None` where the kernel gives no memory.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire: pairs with the exchange in `make`, so that the memory is seen as it was made.
        let place = NonNull::new(self.place.load(Ordering::Acquire)).or_else(|| self.make())?;
        // SAFETY: the memory has the size of a `T`, is zeroed at first, which `FromZeros` makes a valid value, and stays.
        Some(unsafe { place.as_ref() })
    }

    /// The table, if it was ever used.
    #[inline(always)]
    pub fn if_made(&self) -> Option<&T> {
        // Acquire: as in `get`.
        // SAFETY: as in `get`.
        NonNull::new(self.place.load(Ordering::Acquire)).map(|place| unsafe { place.as_ref() })
    }

    #[cold]
    fn make(&self) -> Option<NonNull<T>> {
        let fresh = new::<T, S>()?;
        // Release: pairs with the loads of `get` and `if_made`. Acquire: pairs with a faster thread's exchange.
        match self
            .place
            .compare_exchange(null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Some(fresh),
            Err(first) => {
                // SAFETY: this thread lost the race, and nobody has seen its memory.
                unsafe { drop_unseen::<T, S>(fresh) };
                NonNull::new(first)
            }
        }
    }
}

#[cfg(not(loom))]
fn new<T, S: System>() -> Option<NonNull<T>> {
    Some(S::reserve(size_of::<T>())?.cast::<T>())
}

#[cfg(loom)]
fn new<T: FromZeros, S>() -> Option<NonNull<T>> {
    Some(NonNull::from(Box::leak(Box::new(T::zeros()))))
}

/// # Safety
/// `fresh` was made by `new`, and nobody else has seen it.
#[cfg(not(loom))]
unsafe fn drop_unseen<T, S: System>(fresh: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe { S::release(fresh.cast::<u8>(), size_of::<T>()) };
}

/// # Safety
/// As without loom.
#[cfg(loom)]
unsafe fn drop_unseen<T, S>(fresh: NonNull<T>) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(fresh.as_ptr()) });
}

#[cfg(loom)]
impl<T, S> Drop for Table<T, S> {
    fn drop(&mut self) {
        if let Some(place) = NonNull::new(self.place.take()) {
            // SAFETY: `make` put it here, and the thread that drops the table owns it.
            drop(unsafe { Box::from_raw(place.as_ptr()) });
        }
    }
}

#[cfg(all(test, not(loom)))]
pub(crate) mod tests {
    use super::{AtomicU32, Duration, NonNull, System};
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    /// Replaces the kernel in unit tests.
    pub(crate) struct Kernel;

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 4096).unwrap()
    }

    // SAFETY: zeroed memory of this very layout.
    unsafe impl System for Kernel {
        fn reserve(bytes: usize) -> Option<NonNull<u8>> {
            // SAFETY: no table is of size zero.
            NonNull::new(unsafe { alloc_zeroed(layout(bytes)) })
        }

        unsafe fn release(place: NonNull<u8>, bytes: usize) {
            // SAFETY: the caller's promise.
            unsafe { dealloc(place.as_ptr(), layout(bytes)) };
        }

        unsafe fn discard(_place: NonNull<u8>, _bytes: usize) {}

        fn sleep_while(_word: &AtomicU32, _value: u32, _at_most: Option<Duration>) {
            std::thread::yield_now();
        }

        fn wake_one(_word: &AtomicU32) {}

        fn wake_all(_word: &AtomicU32) {}
    }
}
