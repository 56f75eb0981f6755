//! Forks that never return to our hook: a handler jumps out, or the thread is cancelled in one.

use core::mem::ManuallyDrop;

use forkwatch_state::fork::Outer;

use super::kept;
use super::steps::{UNKNOWN_CHILD, settle};
use crate::state::fork_call::{self, ForkCall};
use crate::state::thread::Thread;
use crate::verdict::fork_record::ForkRecord;
use crate::watch::handler_call;
use crate::watch::reporting::AllForks;
use crate::watch::settle as cure;

/// Sets aside what is under way in this thread during this fork. `ManuallyDrop`, because no destructor may be pending where a
/// cancelled thread unwinds through the real call.
pub(super) fn set_aside(inner: ForkCall) -> ManuallyDrop<Outer<Box<ForkRecord>>> {
    if was_left_before(inner) {
        end_left_fork();
    }
    ManuallyDrop::new(AllForks::set_aside(kept::take))
}

/// Resumes what was set aside.
pub(super) fn resume(outer: ManuallyDrop<Outer<Box<ForkRecord>>>) {
    AllForks::resume(ManuallyDrop::into_inner(outer), kept::keep);
}

/// Whether the fork that seems to be under way was left by a jump: its caller's frame is at this caller's, or deeper.
fn was_left_before(inner: ForkCall) -> bool {
    let (Some(outer), Some(thread)) = (fork_call::current(), Thread::even_if_busy()) else {
        return false;
    };
    // On another stack, such as a signal handler's, the order of addresses says nothing.
    let are_on_one_stack = [inner, outer]
        .iter()
        .all(|call| thread.has_on_stack(call.stack_pointer));
    are_on_one_stack && outer.stack_pointer <= inner.stack_pointer
}

/// Reports the fork that was left, if it has a finding. Also called in a thread that ends.
pub fn end_left_fork() {
    if let Some(thread) = Thread::even_if_busy() {
        handler_call::end(thread);
    }
    fork_call::note(None);
    cure::end_all();
    settle(UNKNOWN_CHILD);
}
