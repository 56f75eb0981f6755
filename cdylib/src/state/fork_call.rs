//! The fork that is under way in this thread.

use crate::system::thread_word::{self, Word};

/// A function that forks.
#[derive(Debug)]
pub struct ForkFunction {
    /// Its name.
    pub name: &'static str,
    /// Whether it returns to its hook in the parent.
    pub returns: bool,
}

/// What a hook of the fork family knows about its call. The at-fork handlers get it through two thread words, neither of which
/// points into a frame: one of the program's handlers may leave the call by a jump, or because its thread is cancelled.
#[derive(Clone, Copy, Debug)]
pub struct ForkCall {
    /// The function that was called.
    pub function: &'static ForkFunction,
    /// The caller's stack pointer.
    pub stack_pointer: usize,
}

impl ForkCall {
    /// An address below the caller's frames.
    pub fn frame(&self) -> usize {
        self.stack_pointer.wrapping_sub(1)
    }
}

/// The call that is under way; `None` where no hook saw the fork.
pub fn current() -> Option<ForkCall> {
    let address = thread_word::get(Word::ForkCall);
    (address != 0).then(|| ForkCall {
        // SAFETY: only `note` sets the word, to a `ForkFunction` that lives for ever.
        #[expect(unsafe_code, reason = "a word holds a reference")]
        function: unsafe { &*(address as *const ForkFunction) },
        stack_pointer: thread_word::get(Word::ForkCaller),
    })
}

/// Runs `real` with this call as the one under way.
pub fn within(call: ForkCall, real: impl FnOnce() -> i32) -> i32 {
    let outer = current();
    note(Some(call));
    let result = real();
    note(outer);
    result
}

/// Notes which call is under way.
pub fn note(call: Option<ForkCall>) {
    thread_word::set(
        Word::ForkCall,
        call.map_or(0, |call| core::ptr::from_ref(call.function) as usize),
    );
    thread_word::set(Word::ForkCaller, call.map_or(0, |call| call.stack_pointer));
}
