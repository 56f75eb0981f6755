//! Atomics: the processor's, or loom's in the models. Every table of this crate takes them from here.

#[cfg(not(loom))]
mod imp {
    pub use core::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };

    /// A cell that one thread at a time may access, with loom's interface.
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell that holds `value`.
        pub const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// Runs `look` with a pointer that it may read from, where the caller's promises allow it.
        #[inline(always)]
        pub fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        /// Runs `change` with a pointer that it may write to, where the caller's promises allow it.
        #[inline(always)]
        pub fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

/// The light side of an asymmetric barrier, in the thread that must stay fast: only the compiler must keep the order. The other side
/// asks the kernel for a barrier in every thread (`membarrier`).
#[cfg(not(loom))]
#[inline(always)]
pub fn light_barrier() {
    // SeqCst: so that an earlier store stays before a later load, too.
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// The same in the models: a fence, because the heavy side is one there, too.
#[cfg(loom)]
pub fn light_barrier() {
    // SeqCst: pairs with the fence that stands for the heavy side.
    fence(Ordering::SeqCst);
}

#[cfg(loom)]
mod imp;

pub mod own;

pub use self::imp::*;
