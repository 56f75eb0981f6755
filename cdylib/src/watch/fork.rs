//! The order of things at a fork.
//!
//! Every page written between a fork and the end of a child that only executes another program costs a page fault, in the
//! parent and in the child: some 2 % of a small program's fork each. So everything that both write lies in the section
//! `.data.forkwatch_fork`, and everything that a child runs in `.text.forkwatch_child`.
//!
//! Our at-fork handlers were registered before anyone else's, so `prepare` runs after every library has settled its locks,
//! and `in_child` before any library's child handler. Calls that run no handlers (`_Fork`, `clone`, `syscall`) go through the
//! same three steps from their hook.
//!
//! | step | what happens |
//! |---|---|
//! | before the copy | with no other thread: nothing. Otherwise take our two locks, examine every thread and, in strict mode, decide |
//! | in the parent | release the locks; the hook reports the finding after the program's own handlers have run |
//! | in the child | reset our locks; the rest waits until it matters (`watch::new_process`) |
//!
//! | file | its part |
//! |---|---|
//! | `handlers` | our at-fork handlers |
//! | `steps` | the three steps |
//! | `look` | examines the other threads before the copy |
//! | `strict` | which forks strict mode stops |
//! | `kept` | the fork record, until it is reported |
//! | `report` | the report |
//! | `left` | forks that never return to our hook: left by a jump, or by the end of their thread |

pub mod handlers;
mod kept;
pub mod left;
mod look;
mod report;
pub mod steps;
mod strict;

use self::steps::{after_copy_in_child, after_copy_in_parent, before_copy, settle};
use super::settle as cure;
use super::this_thread;
use crate::config::{self, Action};
use crate::snapshot::handled_locks;
use crate::state::fork_call::{self, ForkCall};
use crate::system::errno;

/// A call that forks and runs the at-fork handlers. `real` returns the child's id, 0 in the child, or -1.
///
/// The parent of `daemon` ends inside libc, so `daemon` can only be refused at its entry.
#[unsafe(link_section = ".text.forkwatch_child")]
#[expect(unsafe_code, reason = "code that every child runs lies together")]
pub fn with_handlers(call: ForkCall, real: impl FnOnce() -> i32) -> i32 {
    if this_thread::record().is_none() {
        return real();
    }
    let outer = left::set_aside(call);
    cure::begin(call);
    let refuse_at_entry = !call.function.returns || !handlers::has_foreign_prepare_handlers();
    if refuse_at_entry && is_refused(call) {
        cure::end();
        left::resume(outer);
        return -1;
    }
    let result = fork_call::within(call, real);
    if result == 0 {
        // The child's handler has done everything. The outer fork belongs to the parent; its memory is leaked, because the child
        // must write as few pages as possible.
        handled_locks::child_goes_on();
        return 0;
    }
    let result = settle(result);
    left::resume(outer);
    result
}

/// A call that forks without running at-fork handlers. If its child does not return from `real` (`clone` with a stack of its
/// own), the child's entry point calls [`after_copy_in_child`].
pub fn without_handlers(call: ForkCall, real: impl FnOnce() -> i32) -> i32 {
    if this_thread::record().is_none() {
        return real();
    }
    let outer = left::set_aside(call);
    cure::begin(call);
    if is_refused(call) {
        cure::end();
        left::resume(outer);
        return -1;
    }
    before_copy(Some(call));
    let result = real();
    if result == 0 {
        after_copy_in_child();
        return 0;
    }
    after_copy_in_parent();
    let result = settle(result);
    left::resume(outer);
    result
}

/// Whether this call must fail, for `FORKWATCH_ACTION=fail`; `errno` says why.
fn is_refused(call: ForkCall) -> bool {
    let is_refused = config::get().action == Action::Fail && strict::would_be_stopped(call);
    if is_refused {
        errno::set(libc::EDEADLK);
    }
    is_refused
}
