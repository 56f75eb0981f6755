//! The three steps of a fork: before the copy, after it in parent or child, and the report in the parent.
#![expect(unsafe_code, reason = "a child's one thread needs no lock")]

use forkwatch_process::memory;
use forkwatch_schema::unsafe_functions::Audit;
use forkwatch_state::fork::ForkPhase;

use super::{kept, look, report, strict};
use crate::config;
use crate::snapshot::place::PlaceVerdict;
use crate::snapshot::{alive, handled_locks, origin};
use crate::state::counts;
use crate::state::depot::StackId;
use crate::state::fork_call::ForkCall;
use crate::state::redirects::{self, Sets};
use crate::state::report_lock::ReportLock;
use crate::state::thread::{Busy, Thread};
use crate::state::{descriptors, sandbox};
use crate::system::errno::{self, KeepErrno};
use crate::system::loaded_object::Access;
use crate::system::thread_word::ThisThread;
use crate::system::{allocator, process};
use crate::verdict::watched_calls;
use crate::watch::reporting::{self, AllForks, FORKS, TIMEOUT};
use crate::watch::settle as cure;
use crate::watch::{new_process, thread_record};

/// In place of the child's id, where the parent does not know it.
pub const UNKNOWN_CHILD: i32 = i32::MAX;

/// Step one, before the copy. If it finds other threads, leaves the thread busy and our locks held.
pub fn before_copy(call: Option<ForkCall>) {
    if sandbox::is_shut() {
        return;
    }
    let _errno = KeepErrno::save();
    thread_record::adopt_if_unknown();
    let Some(thread) = Thread::even_if_busy() else { return };
    if Thread::current().is_some() {
        Thread::count_fork();
        if alive::is_alone() {
            redirect_in_child(thread, true);
            return;
        }
    }
    let catch_up = || {
        new_process::catch_up(thread);
        counts::add_own_forks();
    };
    // We must not allocate or free from `hold_for_fork` to the copy.
    FORKS.before_copy(
        TIMEOUT,
        catch_up,
        |lock| look_at(lock, thread, call),
        allocator::hold_for_fork,
    );
}

/// Prepares what a child shows: its use of descriptors, if it could use something of its parent's by mistake; and, where the parent has
/// other threads, what its libraries or POSIX do not allow.
#[inline(always)]
fn redirect_in_child(thread: &Thread, alone: bool) {
    if !alone {
        prepare_all_redirects(thread);
    } else if descriptors::may_be_shared(true) {
        prepare_redirects(thread, Sets::DESCRIPTORS, Access::Direct);
    }
}

fn prepare_all_redirects(thread: &Thread) {
    let is_audited = config::get().audit != Audit::Off;
    let wanted = Sets::GUARDED
        .and(Sets::DESCRIPTORS, descriptors::may_be_shared(false))
        .and(Sets::AUDITED, is_audited);
    prepare_redirects(thread, wanted, Access::Guarded);
}

#[cold]
#[inline(never)]
fn prepare_redirects(thread: &Thread, wanted: Sets, access: Access) {
    /// What listing the slots needs.
    const STACK: usize = 64 * 1024;
    // A filter may kill at the calls that redirect and compare descriptors.
    let is_filtered = sandbox::is_filtered() || memory::is_read_by_file();
    // A child of a process that redirects has inherited the redirected slots, and one that has not caught up may not allocate.
    if !is_filtered && process::owns_state() {
        let has_room = || thread.has_stack_left(STACK) && reporting::has_memory();
        redirects::prepare(wanted, watched_calls::symbols(), access, has_room);
    } else {
        redirects::leave();
    }
}

/// Examines the other threads, and decides whether strict mode stops the fork.
#[inline(always)]
fn look_at(lock: &mut ReportLock, thread: &Thread, call: Option<ForkCall>) {
    // The walk needs the current stack, of which 16 KiB may be all; the rest may need more than is left of it.
    let stack = origin::stack_of(call);
    look_from(stack, lock, thread, call);
}

/// Apart from the walk, so that its frame takes none of the stack that the walk needs.
#[inline(never)]
fn look_from(stack: StackId, lock: &mut ReportLock, thread: &Thread, call: Option<ForkCall>) {
    let function = call.map_or("fork", |call| call.function.name);
    let settled = Thread::even_if_busy().and_then(cure::look_again);
    let mut fork = look::examine(lock, thread, function, stack, settled);
    if fork
        .as_ref()
        .is_some_and(|fork| fork.origin.known == Some(PlaceVerdict::ExecBound))
    {
        redirects::leave();
    } else {
        redirect_in_child(thread, false);
    }
    if let Some(fork) = &mut fork {
        strict::decide(lock, fork);
        if fork.stopped {
            strict::stop_unless_it_fails(lock, fork);
        }
        let seen = fork.seen.as_ref();
        let is_reported =
            seen.filter(|seen| !fork.stopped && !seen.reported_before && handled_locks::child_will_answer(call));
        let handled = is_reported.and_then(|seen| handled_locks::begin(&seen.locks));
        // Where there is none, the record of a fork that is only counted is not written, nor its page copied.
        if handled.is_some() || fork.handled.is_some() {
            fork.handled = handled;
        }
    }
    FORKS.put(lock, fork);
}

/// Step two, in the parent: hooks follow the thread again; the finding waits for [`settle`]. True if step one found other
/// threads.
pub fn after_copy_in_parent() -> bool {
    let found_others =
        Thread::even_if_busy().is_some() && FORKS.in_parent(allocator::release_in_parent, kept::keep_or_count);
    // Not before our own locks are released, because it frees memory.
    cure::end();
    found_others
}

/// Step two, in the child: the forking thread is the only one, under a new id. Does nothing that can wait, so that a child that
/// soon executes another program pays for nothing; [`new_process::catch_up`] does the rest when it matters.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn after_copy_in_child() {
    if sandbox::is_shut() {
        return;
    }
    cure::end_in_child();
    let Some(thread) = Thread::even_if_busy() else { return };
    // No `match`: the compiler would put a table for it in a page that the child reads for nothing else.
    let phase = FORKS.in_child();
    if phase == ForkPhase::Idle {
        new_process::begin_alone(thread);
    } else if phase == ForkPhase::Prepared {
        allocator::forget_in_child();
        // SAFETY: this is the only thread, and the proof of step one is gone.
        let mut lock = unsafe { ReportLock::is_held() };
        let fork = FORKS.take(&mut lock);
        if fork.as_ref().is_some_and(|fork| fork.stopped) {
            process::exit_now(0);
        }
        if let Some(settled) = fork.as_ref().and_then(|fork| fork.settled.as_ref()) {
            cure::free_mutexes_of_waits(settled);
        }
        handled_locks::child_begins();
        new_process::begin(thread, fork);
        FORKS.resume_in_child();
    } else if phase != ForkPhase::Nested {
        begin_mute(thread);
    }
}

/// The fork could not be prepared, or is one from a handler of the program during another.
#[cold]
#[inline(never)]
fn begin_mute(thread: &'static Thread) {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    new_process::begin_mute(thread);
}

/// Step three, in the parent: reports the finding, and gives the program its result. `result` is the child's id, or -1.
pub fn settle(result: i32) -> i32 {
    let keep = KeepErrno::save();
    let mut refused = false;
    if kept::has_any() {
        AllForks::settle(|| {
            if let Some(mut fork) = kept::take()
                && result != -1
            {
                refused = fork.stopped;
                let child = (!refused && result != UNKNOWN_CHILD).then_some(result);
                FORKS.with_lock(TIMEOUT, |lock| report::report(lock, &mut fork, child));
            }
        });
    } else if ForkPhase::now::<ThisThread>() == ForkPhase::Settling {
        ForkPhase::Idle.note::<ThisThread>();
    }
    drop(keep);
    if refused {
        process::reap(result);
        errno::set(libc::EDEADLK);
        return -1;
    }
    result
}
