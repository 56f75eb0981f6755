//! The fork that is under way in this thread.

use crate::system::thread_word::{self, Word};

/// What a hook of the fork family knows of its call. It lies in the hook's own frame, and is told to the at-fork handlers
/// through a thread word.
#[derive(Debug)]
pub struct ForkCall {
    /// The function called.
    pub function: &'static str,
    /// Whether the call returns to the hook in the parent.
    pub returns: bool,
}

impl ForkCall {
    /// An address in the hook's frame: its caller's frames lie above.
    pub fn frame(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }
}

/// The call that is under way; `None` where the fork passed by every hook.
pub fn current() -> Option<&'static ForkCall> {
    let address = thread_word::get(Word::ForkCall);
    let place = 0_u8;
    // A handler may have jumped out of the call, whose frame is gone then: one that is under way lies above this one.
    let is_under_way = address > &raw const place as usize;
    // SAFETY: only `within` sets the word, to a call that lives until it returns or is left.
    #[expect(unsafe_code, reason = "a reference into the hook's frame")]
    is_under_way.then(|| unsafe { &*(address as *const ForkCall) })
}

/// Runs `real` with this call as the one under way.
pub fn within(call: &ForkCall, real: impl FnOnce() -> i32) -> i32 {
    let outer = thread_word::get(Word::ForkCall);
    thread_word::set(Word::ForkCall, call.frame());
    let result = real();
    thread_word::set(Word::ForkCall, outer);
    result
}

/// How far the fork is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Copying {
    /// There is none, or nothing was to be done before it.
    No = 0,
    /// Our locks are held for the copy.
    Prepared,
    /// Our locks could not be had in time: the copy may find our state half-changed.
    Unprepared,
    /// A signal handler forks in the middle of our own code.
    Nested,
    /// The copy is made, and the parent's finding waits to be told.
    Settling,
}

impl Copying {
    /// How far this thread's fork is.
    pub fn now() -> Self {
        let number = thread_word::get(Word::Copying);
        let all = [Self::Prepared, Self::Unprepared, Self::Nested, Self::Settling];
        all.into_iter()
            .find(|copying| *copying as usize == number)
            .unwrap_or(Self::No)
    }

    /// Notes how far this thread's fork is.
    pub fn note(self) {
        thread_word::set(Word::Copying, self as usize);
    }
}
