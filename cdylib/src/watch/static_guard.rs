//! What happens at the guard of a C++ local static: the thread that initialises the static holds it.

use core::ffi::c_int;

use super::child::{self, Wait};
use super::lock::ask;
use super::this_thread;
use crate::state::forked_child;
use crate::state::held::Object;
use crate::state::stack_cache::Caller;

/// `__cxa_guard_acquire`, which returns 1 to the thread that must initialise.
pub fn acquire(guard: usize, caller: Caller, real: impl FnOnce() -> c_int) -> c_int {
    if forked_child::is_watched()
        && let Some(thread) = this_thread::record()
    {
        child::before_call(thread, Object::StaticGuard, guard, Wait::Forever, caller);
    }
    let Some((thread, ticket)) = ask(Object::StaticGuard, guard, caller) else {
        return real();
    };
    let result = real();
    if result == 1 {
        thread.held.took(ticket);
    } else {
        thread.held.did_not_take(ticket);
    }
    result
}
