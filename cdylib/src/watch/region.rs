//! What happens at a libc function that takes a lock no hook sees: the lock counts as held while the call is in progress.

use super::child::{self, Wait};
use super::lock::ask;
use super::this_thread;
use crate::state::forked_child;
use crate::state::held::Object;
use crate::state::libc_regions::Region;
use crate::state::stack_cache::Caller;
use crate::state::thread::Thread;

/// A call of such a function.
#[inline(always)]
pub fn within(region: &'static Region, caller: Caller, real: impl FnOnce() -> usize) -> usize {
    // As for a lock: the fast path calls nothing but the real function, and a watched child never takes it.
    if region.outlives_fork()
        && let Some(thread) = Thread::current()
        && thread.held.is_empty()
        && let Some(stack) = thread.known_stack(caller)
        && thread.takers.knows(region.address(), Object::LibcRegion)
        && let Some(ticket) = thread
            .held
            .ask(region.address(), Object::LibcRegion, caller.stack_pointer, stack)
    {
        thread.held.took(ticket);
        let result = real();
        thread.held.release_newest(region.address());
        return result;
    }
    within_slowly(region, caller.stack_pointer, caller.function, real)
}

#[cold]
#[inline(never)]
fn within_slowly(
    region: &'static Region,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> usize,
) -> usize {
    let caller = Caller::of_hook(stack_pointer, function);
    let Some(thread) = this_thread::record().filter(|_| region.outlives_fork()) else {
        return real();
    };
    if forked_child::is_watched() {
        child::before_call(thread, Object::LibcRegion, region.address(), Wait::Forever, caller);
    }
    thread.held.drop_left_regions(stack_pointer);
    let Some((thread, ticket)) = ask(Object::LibcRegion, region.address(), caller) else {
        return real();
    };
    thread.held.took(ticket);
    let result = real();
    thread.held.release(region.address());
    result
}
