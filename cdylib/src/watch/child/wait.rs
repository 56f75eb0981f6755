//! Waits that take no lock, in a forked child: condition variables, barriers and futexes. In a child with one thread they never
//! end.
#![expect(unsafe_code, reason = "reads the program's own barrier or futex")]

use forkwatch_schema::record::WaitObject;

use super::site::Site;
use super::{finding, waits_in_vain};
use crate::snapshot::alive;
use crate::snapshot::lock_state;
use crate::state::held::Object;
use crate::state::orphans::{self, Reported};
use crate::state::stack_cache::Caller;
use crate::state::thread::Thread;
use crate::system::errno::KeepErrno;
use crate::verdict::child_call::Wait;
use crate::verdict::lost_servers::Target;
use crate::watch::new_process::catch_up_with_locks;
use crate::watch::this_thread;

/// Before a condition wait.
#[cold]
#[inline(never)]
pub fn condition(thread: &'static Thread, address: usize, mutex: usize, wait: Wait, caller: Caller) {
    catch_up_with_locks(thread);
    let _errno = KeepErrno::save();
    if wait == Wait::Bounded {
        let target = Target {
            object: WaitObject::Condition,
            address,
            mutex,
        };
        let place = (caller.return_address, caller.stack_pointer);
        waits_in_vain::waits(thread, target, place, Site::of(caller));
    } else if alive::is_alone() {
        finding::stuck_child(thread, Object::Condition, address, Site::of(caller));
    }
}

/// Before the end of a condition. glibc waits there until all that wait for the condition have left it.
#[cold]
#[inline(never)]
pub fn destroys_condition(thread: &'static Thread, address: usize, caller: Caller) {
    catch_up_with_locks(thread);
    let _errno = KeepErrno::save();
    // SAFETY: the program is about to pass this very condition to libc.
    if unsafe { lock_state::condition_has_waiters(address) } && alive::is_alone() {
        finding::ends_condition_in_use(thread, address, Site::of(caller));
    }
}

/// Before a wait at a libc barrier.
#[cold]
#[inline(never)]
pub fn barrier(address: usize, caller: Caller) {
    let Some(thread) = this_thread::record() else {
        return;
    };
    catch_up_with_locks(thread);
    let _errno = KeepErrno::save();
    // SAFETY: the program is about to pass this very barrier to libc.
    let waits = || unsafe { lock_state::barrier_waits_for_threads(address) };
    // Again at the end: a thread that has ended meanwhile arrived before.
    if waits() && alive::is_alone() && waits() {
        finding::stuck_child_on_futex(thread, address, Site::of(caller));
    }
}

/// Before `syscall(SYS_futex)`, whose hook has a frame around `frame`. `address`, `operation`, `value` and `timeout` are its first arguments.
#[cold]
#[inline(never)]
pub fn futex([address, operation, value, timeout]: [usize; 4], frame: usize) {
    const COMMAND: usize = 0x7f;
    const WAIT: usize = libc::FUTEX_WAIT as usize;
    const WAIT_BITSET: usize = libc::FUTEX_WAIT_BITSET as usize;
    const LOW_HALF: usize = 0xffff_ffff;
    // A futex in private memory is private even without the flag; where it lies is checked later.
    let waits = matches!(operation & COMMAND, WAIT | WAIT_BITSET);
    if !waits || !address.is_multiple_of(4) {
        return;
    }
    let Some(thread) = this_thread::record() else {
        return;
    };
    catch_up_with_locks(thread);
    if orphans::find(address).is_some_and(|orphan| orphans::was_reported(&orphan, Reported::Block)) {
        // The guard of a C++ static: `__cxa_guard_acquire` itself waits on it by `syscall`.
        return;
    }
    let _errno = KeepErrno::save();
    let site = Site::above("syscall(SYS_futex)", frame);
    if timeout != 0 {
        let target = Target {
            object: WaitObject::Futex,
            address,
            mutex: 0,
        };
        waits_in_vain::waits(thread, target, (address, frame), site);
        return;
    }
    // SAFETY: the kernel is about to read this word; a program that waits on it has just read it itself. Volatile, because
    // other threads write there.
    let now = || unsafe { (address as *const u32).read_volatile() };
    let waits = || now() as usize == value & LOW_HALF;
    // Again at the end: a thread that has ended meanwhile changed the word before.
    if waits() && alive::is_alone() && waits() {
        finding::stuck_child_on_futex(thread, address, site);
    }
}
