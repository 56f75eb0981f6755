//! loom's atomics, with a signal handler of the same thread before any access.
//!
//! loom tries another order of two accesses only if the later one finds that the last access before it was another thread's. A
//! load by the later thread in between hides the first access. So each word has a turn, which every access changes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub use loom::cell::UnsafeCell;
use loom::sync::atomic;
pub use loom::sync::atomic::{Ordering, fence};

/// A handler, and before which of the next accesses it runs.
struct Armed {
    after: Cell<usize>,
    handler: Rc<dyn Fn()>,
}

loom::thread_local! {
    /// The signals that may arrive in this thread; the last one may interrupt the others' handlers.
    static ARMED: RefCell<Vec<Armed>> = RefCell::new(Vec::new());
}

/// Runs `work`, with `handler` as a signal handler before its access of this number. False where it has fewer.
pub fn interrupted_at(after: usize, handler: impl Fn() + 'static, work: impl FnOnce()) -> bool {
    ARMED.with(|armed| {
        armed.borrow_mut().push(Armed {
            after: Cell::new(after),
            handler: Rc::new(handler),
        });
    });
    work();
    // Only a handler that has not run is left.
    ARMED.with(|armed| armed.borrow_mut().pop()).is_none()
}

/// The turn of a word: see above. Relaxed, so that it orders nothing.
#[derive(Debug)]
struct Turn(atomic::AtomicBool);

impl Turn {
    fn new() -> Self {
        Self(atomic::AtomicBool::new(false))
    }

    /// Before each access of the word.
    fn take(&self) {
        handle_signals();
        // Relaxed: it must not order what the model is about.
        self.0.swap(true, Ordering::Relaxed);
    }
}

fn handle_signals() {
    let due = ARMED.with(|armed| {
        let mut armed = armed.borrow_mut();
        let due = armed.last().is_some_and(|last| last.after.get() == 0);
        if due {
            return armed.pop();
        }
        if let Some(last) = armed.last() {
            last.after.set(last.after.get() - 1);
        }
        None
    });
    if let Some(armed) = due {
        (armed.handler)();
    }
}

macro_rules! integers {
    ($($name:ident: $value:ty;)+) => {$(
        #[doc = concat!("loom's `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name(atomic::$name, Turn);

        #[allow(missing_docs, reason = "as in core::sync::atomic")]
        impl $name {
            pub fn new(value: $value) -> Self {
                Self(atomic::$name::new(value), Turn::new())
            }

            pub fn load(&self, ordering: Ordering) -> $value {
                self.1.take();
                self.0.load(ordering)
            }

            pub fn store(&self, value: $value, ordering: Ordering) {
                self.1.take();
                self.0.store(value, ordering);
            }

            pub fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.1.take();
                self.0.swap(value, ordering)
            }

            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.1.take();
                self.0.compare_exchange(old, new, success, failure)
            }

            pub fn fetch_or(&self, bits: $value, ordering: Ordering) -> $value {
                self.1.take();
                self.0.fetch_or(bits, ordering)
            }

            pub fn fetch_and(&self, bits: $value, ordering: Ordering) -> $value {
                self.1.take();
                self.0.fetch_and(bits, ordering)
            }
        }
    )+};
}

macro_rules! numbers {
    ($($name:ident: $value:ty;)+) => {
        integers! { $($name: $value;)+ }
        $(
            #[allow(missing_docs, reason = "as in core::sync::atomic")]
            impl $name {
                pub fn fetch_add(&self, more: $value, ordering: Ordering) -> $value {
                    self.1.take();
                    self.0.fetch_add(more, ordering)
                }

                pub fn fetch_sub(&self, less: $value, ordering: Ordering) -> $value {
                    self.1.take();
                    self.0.fetch_sub(less, ordering)
                }

                pub fn fetch_max(&self, value: $value, ordering: Ordering) -> $value {
                    self.1.take();
                    self.0.fetch_max(value, ordering)
                }

                #[allow(dead_code, reason = "two of the types have an owner")]
                // Acquire and Release: as the processor's own loads and stores, which pair with each other.
                pub(super) fn instruction(&self, change: impl FnOnce($value) -> Option<$value>) -> $value {
                    self.1.take();
                    let value = self.0.load(Ordering::Acquire);
                    if let Some(new) = change(value) {
                        self.0.store(new, Ordering::Release);
                    }
                    value
                }
            }
        )+
    };
}

integers! { AtomicBool: bool; }
numbers! { AtomicU8: u8; AtomicI32: i32; AtomicU32: u32; AtomicU64: u64; AtomicUsize: usize; }

/// loom's `AtomicPtr`.
#[derive(Debug)]
pub struct AtomicPtr<T>(atomic::AtomicPtr<T>, Turn);

#[allow(missing_docs, reason = "as in core::sync::atomic")]
impl<T> AtomicPtr<T> {
    pub fn new(value: *mut T) -> Self {
        Self(atomic::AtomicPtr::new(value), Turn::new())
    }

    pub fn load(&self, ordering: Ordering) -> *mut T {
        self.1.take();
        self.0.load(ordering)
    }

    pub fn compare_exchange(
        &self,
        old: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.1.take();
        self.0.compare_exchange(old, new, success, failure)
    }

    /// What it holds, for its only owner.
    pub fn take(&mut self) -> *mut T {
        self.0.with_mut(|value| *value)
    }
}
