//! CPython's failed attempts to take a lock. CPython tries every lock before it waits for it, so a failed attempt is reported
//! only once it is clear that no wait follows.

use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_process::modules::Modules;
use lock_api::Mutex;

use super::finding;
use super::site::Site;
use crate::state::orphans::{self, Orphan, Reported};
use crate::state::thread::{Busy, Thread};
use crate::system::own_lock::OwnLock;

/// The last failed attempt. Its lock is only tried, never waited for: the copy may find it held.
static LAST: Mutex<OwnLock, Option<(Orphan, Site)>> = Mutex::new(None);

/// An attempt fails; its caller returns to this address.
pub fn fails(thread: &'static Thread, orphan: Orphan, return_address: usize, site: Site) {
    let deferred = {
        let _busy = Busy::from_here();
        is_cpythons(return_address).then(|| LAST.try_lock()?.replace((orphan, site.kept())))
    };
    match deferred {
        None => finding::orphaned_lock(thread, orphan, Reported::Try, true, site),
        Some(Some((before, site))) => finding::orphaned_lock(thread, before, Reported::Try, true, site),
        Some(None) => {}
    }
}

/// A wait for this lock follows the attempt, and is reported instead.
pub fn is_followed_by_wait(address: usize) {
    let Some(mut last) = LAST.try_lock() else { return };
    if last.is_some_and(|(orphan, _)| orphan.entry.address == address) {
        *last = None;
    }
}

/// Nothing follows: the process ends, or becomes another program.
pub fn report_last(thread: &'static Thread) {
    // Most children have no orphan, and must not copy the lock's page to find that out.
    let has_any = orphans::any();
    let last = has_any.then(|| LAST.try_lock()?.take()).flatten();
    if let Some((orphan, site)) = last {
        finding::orphaned_lock(thread, orphan, Reported::Try, true, site);
    }
}

/// Whether this code is CPython's. A process asks for one or two addresses, so the last answers are kept.
fn is_cpythons(address: usize) -> bool {
    // Relaxed: each word is independent of the other, and a lost one is only looked up again.
    static YES: AtomicUsize = AtomicUsize::new(0);
    static NO: AtomicUsize = AtomicUsize::new(0);
    if YES.load(Ordering::Relaxed) == address {
        return true;
    }
    if NO.load(Ordering::Relaxed) == address {
        return false;
    }
    let name = Modules::read().and_then(|modules| Some(modules.find(address)?.base_name()));
    let is = name.is_some_and(|name| name.starts_with("libpython") || name.starts_with("python"));
    if is { &YES } else { &NO }.store(address, Ordering::Relaxed);
    is
}
