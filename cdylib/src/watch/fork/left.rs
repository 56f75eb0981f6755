//! Forks that the program leaves on another way than back to our hook: a handler jumps out, or its thread is cancelled in there.

use core::mem::ManuallyDrop;

use forkwatch_state::fork::Outer;

use super::kept;
use super::steps::{UNKNOWN_CHILD, settle};
use crate::state::fork_call::{self, ForkCall};
use crate::state::thread::Thread;
use crate::verdict::fork_record::ForkRecord;
use crate::watch::reporting::AllForks;

/// Sets aside what is under way in this thread while this fork goes on. No destructor may stand
/// where a thread that is cancelled unwinds through the real call.
pub(super) fn set_aside(inner: ForkCall) -> ManuallyDrop<Outer<Box<ForkRecord>>> {
    if was_left_before(inner) {
        end_left_fork();
    }
    ManuallyDrop::new(AllForks::set_aside(kept::take))
}

/// Goes on with what was set aside.
pub(super) fn go_on(outer: ManuallyDrop<Outer<Box<ForkRecord>>>) {
    AllForks::go_on(ManuallyDrop::into_inner(outer), kept::keep);
}

/// Whether the fork that seems to be under way was left by a jump: its caller's frame lies where this one's does, or deeper.
fn was_left_before(inner: ForkCall) -> bool {
    let (Some(outer), Some(thread)) = (fork_call::current(), Thread::even_if_busy()) else {
        return false;
    };
    // On a stack of another kind, as a signal handler may have, the order of addresses says nothing.
    let are_on_one_stack = [inner, outer]
        .iter()
        .all(|call| thread.has_on_stack(call.stack_pointer));
    are_on_one_stack && outer.stack_pointer <= inner.stack_pointer
}

/// What waits to be reported is reported, and no lock kept. Also called in a thread that ends.
pub fn end_left_fork() {
    fork_call::note(None);
    settle(UNKNOWN_CHILD);
}
