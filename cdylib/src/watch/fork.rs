//! The order of things at a fork.
//!
//! Every page that is written between a fork and the end of a child that only executes another program costs a page fault, in
//! the parent and in the child: some 2 % of a small program's fork each. What both write lies in the section
//! `.data.forkwatch_fork`, and what a child runs in `.text.forkwatch_child`.
//!
//! Our at-fork handlers were registered before anyone else's, so `prepare` runs after every library has settled its locks,
//! and `in_child` before any library goes on. Calls that run no handlers (`_Fork`, `clone`, `syscall`) go through the same
//! three steps from their hook.
//!
//! | step | what happens |
//! |---|---|
//! | before the copy | alone: nothing. Otherwise take our two locks, look at every thread, and under strict decide |
//! | in the parent | free the locks; the hook tells the finding when the program's own handlers have run |
//! | in the child | re-write our locks; the rest waits until it matters (`watch::child`) |
#![expect(unsafe_code, reason = "handing at-fork handlers to libc")]

mod left;
mod pending;
mod strict;

use core::ffi::{c_int, c_void};
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use forkwatch_state::fork::{Copying, Forks};

pub use self::left::end_left_fork;
use super::story::Story;
use super::{child, counts, told};
use crate::config::{self, Action};
use crate::sink::standard_error;
use crate::snapshot::alive;
use crate::state::fork_call::{self, ForkCall};
use crate::state::thread::{Busy, Thread};
use crate::state::threads::Life;
use crate::state::{descent, threads};
use crate::system::errno::{self, KeepErrno};
use crate::system::kernel::Kernel;
use crate::system::next_definition::Scope;
use crate::system::real::{no_error_number, real_function};
use crate::system::thread_word::ThisThread;
use crate::system::{allocator, big_stack, process};

/// An at-fork handler. A thread that is cancelled in one unwinds through it.
pub type Handler = unsafe extern "C-unwind" fn();

/// In place of the child's id, where the parent does not learn it.
const UNKNOWN_CHILD: i32 = i32::MAX;

/// How long a fork waits for another thread's report before it goes on unwatched.
const PATIENCE: Duration = Duration::from_secs(2);

/// Without so much memory, in bytes, nothing is looked at and nothing told.
const LEAST_ROOM: usize = 8 << 20;

type AllForks = Forks<Box<Story>, Kernel, ThisThread>;

/// The order of a fork, the report lock, which is held over the copy and while something is reported, and the fork that is under way.
#[unsafe(link_section = ".data.forkwatch_fork")]
static FORKS: AllForks = Forks::none();
/// Prepare handlers of other libraries. Where there are none, a fork can be refused at its entry. Relaxed: a count.
static FOREIGN_PREPARE_HANDLERS: AtomicU32 = AtomicU32::new(0);
/// This process is a child whose copy found our state in somebody else's hands: it tells nothing. Relaxed, as the next: written while
/// the child has one thread.
#[unsafe(link_section = ".data.forkwatch_fork")]
static MUTE: AtomicBool = AtomicBool::new(false);
/// This process is a child that has not yet caught up with its own fork; no other thread had our state in its hands.
/// Relaxed: as above.
#[unsafe(link_section = ".data.forkwatch_fork")]
static UNSETTLED: AtomicBool = AtomicBool::new(false);

/// Registers our handlers. Called once, by stage one.
pub fn register_handlers() {
    // Of libc itself: another library's definition may not be ready yet.
    real_function!(static REGISTER = c"__register_atfork", Scope::Libc, None, Some(no_error_number));
    type Register = unsafe extern "C" fn(Option<Handler>, Option<Handler>, Option<Handler>, *mut c_void) -> c_int;
    // SAFETY: this is the type of glibc's `__register_atfork` (behind `pthread_atfork` since 2.3.2).
    let register = unsafe { core::mem::transmute::<*mut c_void, Register>(REGISTER.address()) };
    // SAFETY: the handlers live as long as this library, which is never unloaded; null stands for no library.
    let _unhandled_forks_pass =
        unsafe { register(Some(prepare), Some(in_parent), Some(in_child), core::ptr::null_mut()) };
}

/// Another library has registered a prepare handler.
pub fn note_foreign_prepare_handler() {
    FOREIGN_PREPARE_HANDLERS.fetch_add(1, Ordering::Relaxed);
}

/// A call that forks and runs the at-fork handlers. `real` returns the child's id, 0 in the child, or -1.
///
/// `daemon`'s parent ends inside libc: it must be refused at its entry or not at all.
pub fn with_handlers(call: ForkCall, real: impl FnOnce() -> i32) -> i32 {
    if super::thread::current().is_none() {
        return real();
    }
    let outer = left::set_aside(call);
    let refuse_at_entry = !call.way.returns || FOREIGN_PREPARE_HANDLERS.load(Ordering::Relaxed) == 0;
    if refuse_at_entry && is_refused(call) {
        AllForks::go_on(ManuallyDrop::into_inner(outer), pending::keep);
        return -1;
    }
    let result = fork_call::within(call, real);
    if result == 0 {
        // In the child, its handler has done everything. The outer fork belongs to the parent; its memory stays, as the child
        // shall write as little as it can.
        return 0;
    }
    let result = settle(result);
    AllForks::go_on(ManuallyDrop::into_inner(outer), pending::keep);
    result
}

/// A call that forks without running at-fork handlers. Where its child goes on elsewhere than in `real` (`clone` with a
/// stack of its own), that place calls [`after_copy_in_child`].
pub fn without_handlers(call: ForkCall, real: impl FnOnce() -> i32) -> i32 {
    if super::thread::current().is_none() {
        return real();
    }
    let outer = left::set_aside(call);
    if is_refused(call) {
        AllForks::go_on(ManuallyDrop::into_inner(outer), pending::keep);
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
    AllForks::go_on(ManuallyDrop::into_inner(outer), pending::keep);
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

unsafe extern "C-unwind" fn prepare() {
    before_copy(fork_call::current());
}

unsafe extern "C-unwind" fn in_parent() {
    let told_by_hook = fork_call::current().is_some_and(|call| call.way.returns);
    if after_copy_in_parent() && !told_by_hook {
        // No hook of ours will get the child's id: the fork passed by all of them, or the parent ends inside libc.
        settle(UNKNOWN_CHILD);
    }
}

#[unsafe(link_section = ".text.forkwatch_child")]
unsafe extern "C-unwind" fn in_child() {
    after_copy_in_child();
}

/// Step one, before the copy. Leaves the thread busy and our locks held, if it found other threads.
pub fn before_copy(call: Option<ForkCall>) {
    let _errno = KeepErrno::as_it_is();
    // Meets the thread, if this is the first that we hear of it.
    super::thread::current();
    let Some(thread) = Thread::even_if_busy() else { return };
    if Thread::current().is_some() {
        Thread::count_fork();
        if alive::is_alone() {
            return;
        }
    }
    let catch_up = || {
        notice_new_process(thread);
        counts::add_own_forks();
    };
    // Nothing of ours may be allocated or freed from `hold_for_fork` to the copy.
    FORKS.before_copy(
        PATIENCE,
        catch_up,
        |_| pending::look(thread, call),
        allocator::hold_for_fork,
    );
}

/// Step two, in the parent: the program goes on being followed; the finding waits for [`settle`]. True where step one had
/// found other threads.
pub fn after_copy_in_parent() -> bool {
    Thread::even_if_busy().is_some() && FORKS.in_parent(allocator::release_in_parent, pending::keep_or_count)
}

/// Step two, in the child: the forking thread is the only one, under a new id. Nothing is done here that can wait, so that a
/// child that soon becomes another program pays for nothing; [`notice_new_process`] catches up when it matters.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn after_copy_in_child() {
    let Some(thread) = Thread::even_if_busy() else { return };
    match FORKS.in_child() {
        Copying::No => {
            child::begins_alone(thread);
        }
        Copying::Nested => {}
        Copying::Prepared => {
            allocator::forget_in_child();
            // SAFETY: nobody else exists here.
            let story = unsafe { FORKS.take() };
            if story.as_ref().is_some_and(|fork| fork.stopped) {
                process::exit_now(0);
            }
            UNSETTLED.store(true, Ordering::Relaxed);
            child::begins(thread, story);
            FORKS.go_on_in_child();
        }
        Copying::Unprepared | Copying::Settling => {
            let _errno = KeepErrno::as_it_is();
            let _busy = Busy::from_here();
            descent::note_threads();
            begin_as_child(thread, false);
        }
    }
}

/// Catches up with a fork that was not, or need not be, followed to its child: this process has another id than the one whose
/// state ours was. Called with the thread busy, wherever our state is about to be used.
pub fn notice_new_process(thread: &'static Thread) {
    if process::is_known() {
        return;
    }
    // With other threads at a fork that passed by every hook, one of them may have had our state in its hands.
    let alone = UNSETTLED.swap(false, Ordering::Relaxed)
        || threads::all()
            .filter(|(life, _, _)| matches!(life, Life::Running | Life::Starting))
            .nth(1)
            .is_none();
    if !alone {
        descent::note_threads();
    }
    begin_as_child(thread, alone);
}

/// Whether this process has yet to catch up with its own fork.
pub fn is_unsettled() -> bool {
    UNSETTLED.load(Ordering::Relaxed)
}

/// Step three, in the parent: tells the finding, and gives the program its result. `result` is the child's id, or -1.
pub fn settle(result: i32) -> i32 {
    let keep = KeepErrno::as_it_is();
    let mut refused = false;
    if pending::has_kept() {
        AllForks::settle(|| {
            if let Some(mut fork) = pending::take_kept()
                && result != -1
            {
                refused = fork.stopped;
                let child = (!refused && result != UNKNOWN_CHILD).then_some(result);
                FORKS.while_none(PATIENCE, |_| pending::tell(&mut fork, child));
            }
        });
    } else if Copying::now::<ThisThread>() == Copying::Settling {
        Copying::No.note::<ThisThread>();
    }
    drop(keep);
    if refused {
        process::reap(result);
        errno::set(libc::EDEADLK);
        return -1;
    }
    result
}

/// Says so once, without any memory.
fn say_that_memory_is_short() {
    // Relaxed: one exchange wins.
    static SAID: AtomicBool = AtomicBool::new(false);
    if config::get().text == b"stderr" && !SAID.swap(true, Ordering::Relaxed) {
        standard_error::write(b"forkwatch: out of memory, so a finding cannot be reported; the program continues\n");
    }
}

/// Runs `work` on a stack and in memory of our own, and gives both back to the kernel. What panics in there is lost, and the
/// program goes on.
fn in_own_room(work: impl FnOnce()) {
    if !allocator::has_room(LEAST_ROOM) {
        say_that_memory_is_short();
        return;
    }
    // Where the work panicked, there is nothing to tell and nobody to tell it to.
    let _lost_on_panic = allocator::with_scratch(|| big_stack::run(work));
    allocator::clear_scratch();
    big_stack::clear();
}

/// This process is a child now. `whole` says that no other thread of the parent had our state in its hands at the copy.
fn begin_as_child(thread: &'static Thread, whole: bool) {
    FORKS.forget_in_child();
    if whole {
        allocator::forget_in_child();
        child::settle(thread);
    } else {
        MUTE.store(true, Ordering::Relaxed);
    }
    // SAFETY: nobody else exists here. What was under way belongs to the parent, and the heap may be half-changed: better
    // lose a few bytes than touch it.
    core::mem::forget(unsafe { FORKS.take() });
    process::know_this();
    counts::begin_anew();
    if whole {
        told::begin_anew();
    }
    // They are the parent's.
    let _forks_of_the_parent = Thread::take_forks();
    threads::only_this_remains(thread, rustix::thread::gettid().as_raw_nonzero().get());
}

/// Whether this process must tell nothing, because its copy of our state may be half-changed.
pub fn is_mute() -> bool {
    MUTE.load(Ordering::Relaxed)
}

/// Whether anything may be told of this child: prepares for it, or says no. The thread is busy.
pub fn may_tell_of_child(thread: &'static Thread) -> bool {
    notice_new_process(thread);
    !is_mute()
}

/// Runs `tell` while no fork of ours can be under way; gives up after a while, or where this process is mute.
pub fn while_no_fork(tell: impl FnOnce()) {
    if !is_mute() {
        FORKS.while_none(PATIENCE, |_| in_own_room(tell));
    }
}
