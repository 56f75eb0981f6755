//! What a forked child reports, and how it is stopped.
#![expect(unsafe_code, reason = "ending the process")]

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{LostThread, TimedWaits, WaitObject};
use forkwatch_schema::signals::{self, Power};

use super::python_lock;
use super::reporter::ChildReporter;
use super::site::Site;
use crate::config::{self, Action};
use crate::record;
use crate::record::child_call::ChildCall;
use crate::record::stuck_child::Stuck;
use crate::snapshot::names;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::held::{Entry, Object};
use crate::state::orphans::{self, Orphan, Reported};
use crate::state::report_lock::ReportLock;
use crate::state::thread::{Busy, Thread};
use crate::state::{counts, depot, forked_child};
use crate::system::errno::KeepErrno;
use crate::system::process;
use crate::verdict::lost_servers::Target;
use crate::verdict::orphaned_lock::{self, Verdict};
use crate::verdict::own_locks::Interpreter;
use crate::verdict::{fork_record, lost_servers, parent, reported};
use crate::watch::{new_process, report, reporting};

/// The call at `site` asks for a lock of a thread that does not exist here. If it is not `certain` to hang, it is only an error.
pub fn orphaned_lock(thread: &'static Thread, orphan: Orphan, how: Reported, certain: bool, site: Site) {
    let _errno = KeepErrno::save();
    in_child(thread, &site, |reporter| {
        report_orphan(reporter, orphan, how, certain, site.function);
    });
}

fn report_orphan(reporter: &mut ChildReporter, orphan: Orphan, how: Reported, certain: bool, function: &'static str) {
    if !orphans::note(&orphan, how) {
        return;
    }
    let Some(mut resolver) = names::resolver() else {
        return;
    };
    match orphaned_lock::judge(reporter.lock, &orphan, how, certain, &mut resolver) {
        Verdict::Harmless => {}
        Verdict::Suppressed => counts::SUPPRESSED.add(),
        Verdict::Finding(evidence) => {
            let call = ChildCall::read(function, reporter.stack, &mut resolver);
            let content = record::orphaned_lock::content(&orphan, evidence, call);
            reporter.report(content, orphan.fork);
        }
    }
}

/// The call at `site` waits for a lock that this very thread took before the fork.
pub fn own_lock(thread: &'static Thread, entry: Entry, site: Site) {
    let _errno = KeepErrno::save();
    in_child(thread, &site, |reporter| {
        let power = if entry.object.may_signal() {
            power_over_own_semaphore(reporter, site.function)
        } else {
            Power::Nothing
        };
        if power == Power::End {
            return;
        }
        // The thread that forked: the one with the parent's process id.
        let forking = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
        // Only now is it an orphan: the next call for an orphan is reported whatever handlers there are.
        orphans::add(entry, forking, fork_record::newest_number());
        if let Some(orphan) = orphans::find(entry.address) {
            report_orphan(
                reporter,
                orphan,
                Reported::Block,
                power == Power::Nothing,
                site.function,
            );
        }
    });
}

/// What signal handlers could do about this wait for a semaphore that the thread took itself.
fn power_over_own_semaphore(reporter: &ChildReporter, function: &'static str) -> Power {
    let Some(mut resolver) = names::resolver() else {
        return Power::Nothing;
    };
    let call = ChildCall::read(function, reporter.stack, &mut resolver);
    let wait = call.as_wait(WaitObject::Semaphore, has_python(&resolver));
    signals::power_over_own_lock(&wait, parent::handled_signals(reporter.lock))
}

fn has_python(resolver: &Resolver) -> bool {
    Interpreter::find(resolver.modules()).is_some()
}

/// The call at `site` waits for an object that no thread is left to release or signal.
pub fn stuck_child(thread: &'static Thread, object: Object, address: usize, site: Site) {
    let object = match object {
        Object::RwlockRead | Object::RwlockWrite => WaitObject::Rwlock,
        Object::Semaphore => WaitObject::Semaphore,
        Object::Condition => WaitObject::Condition,
        Object::StaticGuard => WaitObject::Futex,
        // A spinlock does not say whether it is shared or who holds it; locks of libc and of CPython are reported as orphans or
        // not at all.
        Object::Spinlock | Object::LibcRegion | Object::PythonLock => return,
        Object::Mutex => WaitObject::Mutex,
    };
    stuck(thread, object, address, site);
}

/// The call at `site` waits on a futex directly.
pub fn stuck_child_on_futex(thread: &'static Thread, address: usize, site: Site) {
    stuck(thread, WaitObject::Futex, address, site);
}

fn stuck(thread: &'static Thread, object: WaitObject, address: usize, site: Site) {
    if !forked_child::parent_had_threads() {
        // No thread was lost, so the wait has nothing to do with the fork.
        return;
    }
    let _errno = KeepErrno::save();
    in_child(thread, &site, |reporter| {
        if object == WaitObject::Semaphore
            && let Some(orphan) = python_lock::behind(address)
        {
            report_orphan(reporter, orphan, Reported::Block, true, site.function);
            return;
        }
        let place = Place::of_call(reporter.stack, object as u64);
        if was_reported(reporter.lock, place) {
            return;
        }
        let Some(mut resolver) = names::resolver() else {
            return;
        };
        if resolver.modules().is_shared_mapping(address) {
            return;
        }
        let call = ChildCall::read(site.function, reporter.stack, &mut resolver);
        let wait = call.as_wait(object, has_python(&resolver));
        let power = signals::power(&wait, parent::handled_signals(reporter.lock));
        if power == Power::End {
            return;
        }
        let parent_tids = parent::users_of(reporter.lock, address);
        let target = Target {
            object,
            address,
            mutex: 0,
        };
        let servers = lost_servers::of(reporter.lock, thread, target, &wait, &resolver);
        let stuck = Stuck {
            object,
            address,
            parent_tids,
            lost_threads: servers.threads,
            timed_waits: None,
            power,
        };
        reporter.report_at(place, record::stuck_child::content(stuck, call, &mut resolver));
    });
}

/// The call at `site` ends a condition; reported if a lost thread waited for it at the fork.
pub fn ends_condition_in_use(thread: &'static Thread, address: usize, site: Site) {
    if !forked_child::parent_had_threads() {
        return;
    }
    in_child(thread, &site, |reporter| {
        let place = Place::of_call(reporter.stack, WaitObject::Condition as u64);
        let parent_tids = parent::users_of(reporter.lock, address);
        if parent_tids.is_empty() || was_reported(reporter.lock, place) {
            return;
        }
        let Some(mut resolver) = names::resolver() else {
            return;
        };
        if resolver.modules().is_shared_mapping(address) {
            return;
        }
        let name = |&tid: &i32| LostThread {
            tid,
            name: parent::name_of_lost_thread(reporter.lock, tid),
        };
        let stuck = Stuck {
            object: WaitObject::Condition,
            address,
            lost_threads: parent_tids.iter().map(name).collect(),
            parent_tids,
            timed_waits: None,
            power: Power::Nothing,
        };
        let call = ChildCall::read(site.function, reporter.stack, &mut resolver);
        reporter.report_at(place, record::stuck_child::content(stuck, call, &mut resolver));
    });
}

/// Distinguishes waits with a time-out from those without, in a place.
const TIMED: u64 = 0x100;

/// The call at `site` waits with a time-out, as often before, for what only a lost thread could bring; reported where that is certain.
pub fn waits_in_vain(thread: &'static Thread, target: Target, timed: TimedWaits, site: Site) {
    let Target { object, address, .. } = target;
    in_child(thread, &site, |reporter| {
        let place = Place::of_call(reporter.stack, object as u64 | TIMED);
        if was_reported(reporter.lock, place) {
            return;
        }
        let Some(mut resolver) = names::resolver() else {
            return;
        };
        if resolver.modules().is_shared_mapping(address) {
            return;
        }
        let call = ChildCall::read(site.function, reporter.stack, &mut resolver);
        let wait = call.as_wait(object, has_python(&resolver));
        let servers = lost_servers::of(reporter.lock, thread, target, &wait, &resolver);
        if !servers.are_sure {
            return;
        }
        let stuck = Stuck {
            object,
            address,
            parent_tids: parent::users_of(reporter.lock, address),
            lost_threads: servers.threads,
            timed_waits: Some(timed),
            power: Power::Leave,
        };
        reporter.report_at(place, record::stuck_child::content(stuck, call, &mut resolver));
    });
}

/// A thread is created at `site`; reported where the parent had other threads.
pub fn creates_thread(thread: &'static Thread, function: &'static str, frame: usize) {
    if !forked_child::parent_had_threads() {
        return;
    }
    let site = Site::above(function, frame);
    in_child(thread, &site, |reporter| {
        let place = Place::of_call(reporter.stack, u64::MAX);
        // Once a child has threads of its own, reporting each further one would add nothing.
        if reported::verdict(reporter.lock, place) == Some(PlaceVerdict::Reported) {
            counts::REPEATED.add();
            return;
        }
        if was_reported(reporter.lock, place) {
            return;
        }
        let Some(mut resolver) = names::resolver() else {
            return;
        };
        if parent::all_lost_threads_are_harmless(reporter.lock, &mut resolver) {
            counts::SUPPRESSED.add();
            return;
        }
        let first = depot::frames(reporter.stack).first();
        let library = first.and_then(|address| Some(resolver.modules().find(address.wrapping_sub(1))?.base_name()));
        let call = ChildCall::read(function, reporter.stack, &mut resolver);
        reporter.report_at(place, record::call::thread_after_fork(library, call));
    });
}

/// Whether a finding of this place was reported or suppressed before, and is only counted.
fn was_reported(lock: &ReportLock, place: Place) -> bool {
    match reported::verdict(lock, place) {
        Some(PlaceVerdict::Suppressed) => counts::SUPPRESSED.add(),
        Some(_) if !config::get().repeat_all => counts::REPEATED.add(),
        _ => return false,
    }
    true
}

/// Runs `report` where this child may report something, and stops the child where the user wants that.
pub(super) fn in_child(thread: &'static Thread, site: &Site, report: impl FnOnce(&mut ChildReporter)) {
    let mut stop = false;
    {
        let _busy = Busy::from_here();
        if !new_process::may_report(thread) {
            return;
        }
        // The walk needs the current stack; the rest may need more than is left of it.
        let stack = site.stack();
        reporting::with_lock(|lock| {
            let mut reporter = ChildReporter {
                lock,
                stack,
                stop: false,
            };
            report(&mut reporter);
            stop = reporter.stop;
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
