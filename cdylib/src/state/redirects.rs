//! The import slots that a forked child redirects, so that it shows its calls of some functions. No other process pays for it: the
//! parent only notes where the slots are, once, and again when libraries were loaded meanwhile.
//!
//! A slot that the loader has not filled yet leads to the loader. It is redirected too, if the function that the loader would find
//! is the one that we know.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};

use lock_api::Mutex;

use crate::system::import_slots;
use crate::system::loaded_object::Access;
use crate::system::next_definition;
use crate::system::own_lock::OwnLock;
use crate::system::own_memory::{self, Replacement};
use crate::system::redirected_entries;

#[derive(Debug)]
struct Slots {
    /// What a child writes to them. A slot of a library that was unloaded holds something else by then, or nothing.
    all: Vec<Replacement>,
    /// The loader's newest object when they were listed.
    newest_object: usize,
}

/// Only tried, never waited for: the copy may find it held.
static SLOTS: Mutex<OwnLock, Slots> = Mutex::new(Slots {
    all: Vec::new(),
    newest_object: 0,
});
/// Whether the next child redirects. Relaxed: written and read by the thread that forks, and its copy.
static IS_READY: AtomicBool = AtomicBool::new(false);

/// Before a fork: lists the slots of these functions, if that was not done since the newest library was loaded. `access` says whether
/// another thread may unload a library meanwhile.
pub fn prepare(functions: impl Iterator<Item = &'static CStr>, access: Access) {
    let Some(mut slots) = SLOTS.try_lock() else { return };
    if !next_definition::is_newest(slots.newest_object) {
        slots.newest_object = next_definition::newest();
        slots.all = list(functions, access);
    }
    IS_READY.store(!slots.all.is_empty(), Ordering::Relaxed);
}

/// Before a fork whose child is not to be shown.
pub fn leave() {
    if IS_READY.load(Ordering::Relaxed) {
        IS_READY.store(false, Ordering::Relaxed);
    }
}

fn list(functions: impl Iterator<Item = &'static CStr>, access: Access) -> Vec<Replacement> {
    let targets: Vec<(usize, usize, &CStr)> = functions
        .enumerate()
        .filter_map(|(number, name)| {
            // The function that the program reaches: our hook, or else the next.
            let original = next_definition::own(name).or_else(|| next_definition::behind_own(name))?;
            Some((original, redirected_entries::entry(number, original)?, name))
        })
        .collect();
    let mut all = Vec::new();
    import_slots::each(access, |tables, slot| {
        let bound = targets.iter().find(|(original, _, _)| *original == slot.value);
        let target = match bound {
            None if slot.is_unbound() => targets.iter().find(|(_, _, name)| tables.is_called(&slot, name)),
            bound => bound,
        };
        all.extend(target.map(|(original, entry, _)| Replacement {
            address: slot.address,
            old: [slot.value, *original],
            new: *entry,
        }));
    });
    // Those of one page together.
    all.sort_unstable_by_key(|slot| slot.address);
    all
}

/// In a child: redirects the slots that still hold what they held, or were bound meanwhile.
#[cold]
#[inline(never)]
pub fn apply() {
    let Some(slots) = SLOTS.try_lock() else { return };
    own_memory::replace(&slots.all);
}

/// In a child: whether it is to redirect.
#[inline(always)]
pub fn is_ready() -> bool {
    IS_READY.load(Ordering::Relaxed)
}
