//! What a forked child tells, and how it is stopped.
#![expect(unsafe_code, reason = "the stories belong to whoever tells")]

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Call, Detail, StuckChild, WaitObject};

use super::python_lock;
use super::site::Site;
use super::teller::{Teller, python_stack};
use crate::config::{self, Action};
use crate::record::envelope::Content;
use crate::snapshot::place::{Place, Verdict};
use crate::state::depot::{self};
use crate::state::descent;
use crate::state::held::Object;
use crate::state::orphans::{Orphan, Reported};
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::process;
use crate::watch::judge::{frames, naming};
use crate::watch::{counts, fork, report, told};

/// The call at `site` asks for a lock of a thread that does not exist here. Where that is not `certain` to hang, it is an
/// error that is not proven.
pub fn orphaned_lock(thread: &'static Thread, orphan: Orphan, how: Reported, certain: bool, site: Site) {
    let _errno = KeepErrno::as_it_is();
    in_child(
        thread,
        |teller| teller.tell_orphan(orphan, how, certain, site.function),
        &site,
    );
}

/// The call at `site` waits for an object that nobody is left to release or signal.
pub fn stuck_child(thread: &'static Thread, object: Object, address: usize, site: Site) {
    let object = match object {
        Object::RwlockRead | Object::RwlockWrite => WaitObject::Rwlock,
        Object::Semaphore => WaitObject::Semaphore,
        Object::Condition => WaitObject::Condition,
        Object::StaticGuard => WaitObject::Futex,
        // A spinlock does not say whether it is shared, nor who holds it; libc's regions are told as orphans or not at all.
        Object::Spinlock | Object::LibcRegion => return,
        Object::Mutex => WaitObject::Mutex,
    };
    stuck(thread, object, address, site);
}

/// The call at `site` waits on a futex of a library's own.
pub fn stuck_child_on_futex(thread: &'static Thread, address: usize, site: Site) {
    stuck(thread, WaitObject::Futex, address, site);
}

fn stuck(thread: &'static Thread, object: WaitObject, address: usize, site: Site) {
    if !descent::is_child_of_threads() {
        // No thread was lost: such a wait is the program's own affair.
        return;
    }
    let _errno = KeepErrno::as_it_is();
    in_child(
        thread,
        |teller| {
            if object == WaitObject::Semaphore
                && let Some(orphan) = python_lock::behind(address)
            {
                teller.tell_orphan(orphan, Reported::Block, true, site.function);
                return;
            }
            let place = Place::of_call(teller.stack, object as u64);
            if told_already(place) {
                return;
            }
            let Some(mut resolver) = Resolver::new(naming()) else {
                return;
            };
            if resolver.modules().is_shared_mapping(address) {
                return;
            }
            if teller.may_be_woken(object, &resolver) {
                return;
            }
            let stack = frames(&mut resolver, depot::frames(teller.stack), false);
            let python_stack = python_stack();
            let content = Content {
                severity: Severity::Fatal,
                kind: Kind::StuckChild,
                fingerprint: fingerprint::of_call(Kind::StuckChild, site.function, &stack, python_stack.as_deref()),
                fork_id: None,
                detail: Detail::StuckChild(StuckChild {
                    call: site.function.to_owned(),
                    address: Some(format!("{address:#x}")),
                    object,
                    parent_tids: teller.users_of(address),
                    stack,
                    python_stack,
                }),
            };
            teller.tell_at(place, content);
        },
        &site,
    );
}

/// A thread is created at `site`; told where the parent had other threads.
pub fn creates_thread(thread: &'static Thread, function: &'static str, frame: usize) {
    if !descent::is_child_of_threads() {
        return;
    }
    let site = Site::above(function, frame);
    in_child(
        thread,
        |teller| {
            let place = Place::of_call(teller.stack, u64::MAX);
            // A child with threads of its own is one from then on: telling each of them would say nothing more.
            if told::verdict(place) == Some(Verdict::Told) {
                counts::REPEATED.add();
                return;
            }
            if told_already(place) {
                return;
            }
            let Some(mut resolver) = Resolver::new(naming()) else {
                return;
            };
            if teller.lost_harmless_threads_alone(&mut resolver) {
                counts::SUPPRESSED.add();
                return;
            }
            let addresses = depot::frames(teller.stack);
            let library = addresses
                .first()
                .and_then(|address| Some(resolver.modules().find(address.wrapping_sub(1))?.base_name()));
            let stack = frames(&mut resolver, addresses, false);
            let python_stack = python_stack();
            let content = Content {
                severity: Severity::Warn,
                kind: Kind::ThreadAfterFork,
                fingerprint: fingerprint::of_call(Kind::ThreadAfterFork, function, &stack, python_stack.as_deref()),
                fork_id: None,
                detail: Detail::Call(Call {
                    call: function.to_owned(),
                    library,
                    stack,
                    python_stack,
                }),
            };
            teller.tell_at(place, content);
        },
        &site,
    );
}

fn told_already(place: Place) -> bool {
    match told::verdict(place) {
        Some(Verdict::Silenced) => counts::SUPPRESSED.add(),
        Some(_) if !config::get().repeat_all => counts::REPEATED.add(),
        _ => return false,
    }
    true
}

/// Runs `tell` where this child may tell something, and stops the child where the user wants that.
fn in_child(thread: &'static Thread, tell: impl FnOnce(&mut Teller), site: &Site) {
    let mut stop = false;
    {
        let _busy = Busy::from_here();
        if !fork::may_tell_of_child(thread) {
            return;
        }
        // The walk needs this very stack; the rest may need more than is left of it.
        let stack = site.stack();
        fork::while_no_fork(|| {
            let mut teller = Teller { stack, stop: false };
            tell(&mut teller);
            stop = teller.stop;
        });
        if stop {
            report::summary();
        }
    }
    if stop {
        match config::get().action {
            Action::Exit(status) => process::exit_now(i32::from(status)),
            // SAFETY: `abort` raises SIGABRT in this thread, as a failed assertion would.
            Action::Abort | Action::Fail => unsafe { libc::abort() },
        }
    }
}
