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
