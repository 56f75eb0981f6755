//! What happens at a libc function that takes a lock no hook sees: the lock counts as held while the call is in progress.

use super::child;
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
    hold(region, region.certain, caller, real)
}

/// A call of a function that takes the lock in some circumstances only.
#[inline(always)]
pub fn within_at_times(region: &'static Region, caller: Caller, real: impl FnOnce() -> usize) -> usize {
    hold(region, false, caller, real)
}

/// A call of a function that takes the lock for an instant, or that waits for other things most of the time: it does not count as
/// holding the lock, but does not return where the lock is held for ever.
#[inline(always)]
pub fn asking(region: &'static Region, caller: Caller, real: impl FnOnce() -> usize) -> usize {
    if forked_child::is_watched() {
        ask_in_child(region, caller.stack_pointer, caller.function);
    }
    real()
}

#[cold]
#[inline(never)]
fn ask_in_child(region: &'static Region, stack_pointer: usize, function: &'static &'static str) {
    if let Some(thread) = this_thread::record().filter(|_| region.outlives_fork()) {
        let caller = Caller::of_hook(stack_pointer, function);
        child::before_short_region(thread, region.address(), region.certain, caller);
    }
}

#[inline(always)]
fn hold(region: &'static Region, certain: bool, caller: Caller, real: impl FnOnce() -> usize) -> usize {
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
        if thread.is_hot() {
            thread.held.took(ticket);
            let result = real();
            thread.held.release_newest(region.address());
            return result;
        }
        thread.held.did_not_take(ticket);
    }
    hold_slowly(region, certain, caller.stack_pointer, caller.function, real)
}

#[cold]
#[inline(never)]
fn hold_slowly(
    region: &'static Region,
    certain: bool,
    stack_pointer: usize,
    function: &'static &'static str,
    real: impl FnOnce() -> usize,
) -> usize {
    let caller = Caller::of_hook(stack_pointer, function);
    let Some(thread) = this_thread::record().filter(|_| region.outlives_fork()) else {
        return real();
    };
    if forked_child::is_watched() {
        child::before_region(thread, region.address(), certain, caller);
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
