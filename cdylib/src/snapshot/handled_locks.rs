//! Which inherited locks the at-fork handlers of libraries make anew, or release, in a child. The child compares each lock with what
//! it was before the handlers, and tells its parent through a page that both share. The parent has something new to report: it waits
//! for the answer.
//!
//! Relaxed, unless noted: read in the thread that writes it, and in the child of its fork, which has one thread.
#![expect(unsafe_code, reason = "a page shared with a child")]

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use core::time::Duration;

use forkwatch_process::memory::ProcessMemory;
use rustix::thread::futex;

use super::fork_snapshot::HeldLock;
use super::lock_memory::{Word, word};
use crate::state::fork_call::ForkCall;
use crate::state::held::Object;
use crate::system::deadline::Deadline;
use crate::system::region;

/// The most locks of one fork; further ones count as not made anew.
const MAX: usize = 64;
/// How long the parent waits for handlers that take long. Most take microseconds.
const TIMEOUT: Duration = Duration::from_millis(100);

/// The states of a lock, besides 0: held when the child began, and held no more after the handlers.
const HELD: u32 = 1;
const MADE_ANEW: u32 = 2;

/// The parent's hold on the page; given back to the kernel with it, whatever becomes of the fork.
#[derive(Debug)]
pub struct SharedPage(&'static Page);

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: `begin` reserved it, and this was the only reference in this process.
        unsafe { region::release(NonNull::from(self.0).cast(), size_of::<Page>()) };
    }
}

/// What parent and child share.
#[derive(Debug)]
struct Page {
    /// 1 once the child has compared the locks.
    is_done: AtomicU32,
    /// Behind the last lock, conditions, which nobody holds.
    locks: [Watched; MAX],
}

/// One lock; all but the state is written before the copy.
#[derive(Debug)]
struct Watched {
    address: usize,
    object: Object,
    owner: i32,
    state: AtomicU32,
}

/// The addresses of the locks that were made anew.
#[derive(Clone, Copy, Debug)]
pub struct MadeAnew([usize; MAX]);

impl MadeAnew {
    /// None.
    pub const NONE: Self = Self([0; MAX]);

    /// Whether the lock at this address is one.
    pub fn contains(&self, address: usize) -> bool {
        self.0.contains(&address)
    }
}

/// The page of the fork under way, whose child has not answered.
#[unsafe(link_section = ".data.forkwatch_fork")]
static UNDER_WAY: AtomicPtr<Page> = AtomicPtr::new(null_mut());

/// Whether another library has registered a child handler; only ever set.
static HAS_CHILD_HANDLERS: AtomicBool = AtomicBool::new(false);

/// Another library has registered a child handler.
pub fn note_child_handler() {
    HAS_CHILD_HANDLERS.store(true, Ordering::Relaxed);
}

/// Whether handlers of other libraries run in the child of this call, and our hook sees the child after them.
pub fn child_will_answer(call: Option<ForkCall>) -> bool {
    let is_seen = |call: ForkCall| matches!(call.function.name, "fork" | "__fork" | "forkpty");
    HAS_CHILD_HANDLERS.load(Ordering::Relaxed) && call.is_some_and(is_seen)
}

/// Before the copy: the page for a child with these locks; `None` where there is none, or no memory.
pub fn begin(locks: &[HeldLock]) -> Option<SharedPage> {
    if locks.is_empty() {
        return None;
    }
    let place = region::reserve_shared(size_of::<Page>())?.cast::<Page>();
    let watched = |number| {
        let lock: Option<&HeldLock> = locks.get(number);
        Watched {
            address: lock.map_or(0, |lock| lock.entry.address),
            object: lock.map_or(Object::Condition, |lock| lock.entry.object),
            owner: lock.map_or(0, |lock| lock.owner),
            state: AtomicU32::new(0),
        }
    };
    let page = Page {
        is_done: AtomicU32::new(0),
        locks: core::array::from_fn(watched),
    };
    // SAFETY: the region is fresh, begins at a page, has this size, and is ours alone.
    unsafe { place.write(page) };
    UNDER_WAY.store(place.as_ptr(), Ordering::Relaxed);
    // SAFETY: it was written just now, and is mapped until the hold is dropped. A child keeps its record, and so the page.
    Some(SharedPage(unsafe { place.as_ref() }))
}

/// After the copy, in the parent.
pub fn parent_goes_on() {
    if !UNDER_WAY.load(Ordering::Relaxed).is_null() {
        UNDER_WAY.store(null_mut(), Ordering::Relaxed);
    }
}

/// In the child, before the handlers of libraries.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn child_begins() {
    each(|lock| {
        if lock.is_held() {
            lock.state.store(HELD, Ordering::Relaxed);
        }
    });
}

/// In the child, after all handlers.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn child_goes_on() {
    let page = UNDER_WAY.load(Ordering::Relaxed);
    if page.is_null() {
        return;
    }
    each(|lock| {
        if lock.state.load(Ordering::Relaxed) == HELD && !lock.is_held() {
            lock.state.store(MADE_ANEW, Ordering::Relaxed);
        }
    });
    UNDER_WAY.store(null_mut(), Ordering::Relaxed);
    // SAFETY: the page stays mapped in this process.
    let page = unsafe { &*page };
    // Release: pairs with the Acquire in `answer`.
    page.is_done.store(1, Ordering::Release);
    // Waking fails only for a bad address, and the word is ours.
    let _cannot_fail = futex::wake(&page.is_done, futex::Flags::empty(), 1);
}

fn each(see: impl Fn(&Watched)) {
    let page = UNDER_WAY.load(Ordering::Relaxed);
    if !page.is_null() {
        // SAFETY: the page stays mapped in this process.
        let page = unsafe { &*page };
        page.locks.iter().for_each(see);
    }
}

/// In the parent: which locks the child has made anew.
pub fn answer(page: &SharedPage) -> MadeAnew {
    let page = page.0;
    let end = Deadline::after(TIMEOUT);
    // Acquire: pairs with the Release in `child_goes_on`.
    while page.is_done.load(Ordering::Acquire) == 0 && !end.has_passed() {
        let nap = rustix::fs::Timespec::try_from(TIMEOUT / 10).ok();
        // Whatever ends the wait, the word is read again.
        let _any_end_is_right = futex::wait(&page.is_done, futex::Flags::empty(), 0, nap.as_ref());
    }
    let mut made_anew = MadeAnew::NONE;
    for (address, lock) in made_anew.0.iter_mut().zip(&page.locks) {
        if lock.state.load(Ordering::Relaxed) == MADE_ANEW {
            *address = lock.address;
        }
    }
    made_anew
}

impl Watched {
    fn is_held(&self) -> bool {
        word(ProcessMemory::own(), self.object, self.address, self.owner) == Word::Held
    }
}
