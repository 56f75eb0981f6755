//! Redirected calls: a forked child shows some of its calls, because its libraries' import slots are changed in it. A parent never
//! pays for that: before a fork it only notes which slots there are, once, and again when a library was loaded meanwhile.
//!
//! | the child shows calls | file |
//! |---|---|
//! | of functions that use a descriptor | this one |
//! | of functions that are not async-signal-safe | `audited` |
//! | into guarded libraries | `guarded` |

mod audited;
mod guarded;

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use lock_api::Mutex;

pub use self::guarded::{Library, counted, entry_for, passed_to};
use crate::system::import_slots;
use crate::system::loaded_object::Access;
use crate::system::next_definition;
use crate::system::own_lock::OwnLock;
use crate::system::own_memory::{self, Replacement};
use crate::system::redirected_entries;

/// Which calls are shown: a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sets(u8);

impl Sets {
    /// None.
    pub const NONE: Self = Self(0);
    /// All that are ready.
    pub const ALL: Self = Self(7);
    /// Calls that use a descriptor.
    pub const DESCRIPTORS: Self = Self(1);
    /// Calls that are not async-signal-safe.
    pub const AUDITED: Self = Self(2);
    /// Calls into guarded libraries.
    pub const GUARDED: Self = Self(4);

    /// These, and others where they are wanted.
    #[inline(always)]
    pub const fn and(self, others: Self, are_wanted: bool) -> Self {
        if are_wanted { Self(self.0 | others.0) } else { self }
    }

    /// Whether one of these is among the others.
    const fn are_in(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// A call that is shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// One of this function, which is not async-signal-safe.
    Unsafe(&'static &'static str),
    /// One that looks up a function, which may be one of a guarded library.
    Finds,
    /// One that calls the function that its second argument points to (`ffi_call`), which may be one of a guarded library.
    Passes,
    /// One of this function of a guarded library, by its number.
    Guarded(&'static &'static str, usize),
}

/// The entries below are those of the functions that use a descriptor, in their order.
pub const FIRST_OTHER: usize = 64;

#[derive(Debug)]
struct Slots {
    /// What a child writes to the slots of each set. A slot of a library that was unloaded holds something else by then, or nothing.
    descriptors: Vec<Replacement>,
    audited: Vec<Replacement>,
    guarded: Vec<Replacement>,
    /// Slots that lead into guarded libraries, and that the loader had not filled.
    unbound: Vec<Replacement>,
    /// What the entries from [`FIRST_OTHER`] on show.
    shown: Vec<Shown>,
    libraries: Vec<Library>,
    /// The names of all functions that entries have ever shown.
    names: Vec<&'static &'static str>,
    /// The entry of `dlsym`.
    dlsym: Option<usize>,
    /// This process, or one that it descends from, has redirected: the entries in use keep their numbers.
    are_in_use: bool,
}

/// Only tried, never waited for: the copy may find it held.
static SLOTS: Mutex<OwnLock, Slots> = Mutex::new(Slots {
    descriptors: Vec::new(),
    audited: Vec::new(),
    guarded: Vec::new(),
    unbound: Vec::new(),
    shown: Vec::new(),
    libraries: Vec::new(),
    names: Vec::new(),
    dlsym: None,
    are_in_use: false,
});
/// Which calls the slots were listed for, and of which there are any. Relaxed, as the next: written by a thread that forks, with the
/// slots' lock; what another thread's fork reads meanwhile is a moment older. All are among the zeros, in the page that each fork
/// writes in any case: the slots themselves are not touched at a fork that finds nothing new.
static LISTED: AtomicU8 = AtomicU8::new(0);
static PRESENT: AtomicU8 = AtomicU8::new(0);
/// The loader's newest object when they were listed. Relaxed: as above.
static NEWEST_OBJECT: AtomicUsize = AtomicUsize::new(0);
/// What the next child shows. Relaxed: written and read by the thread that forks, and its copy.
static READY: AtomicU8 = AtomicU8::new(0);
/// Whether [`READY`] was written: a page that nothing was written to costs a fork nothing. Relaxed: as above.
static IS_READY: AtomicBool = AtomicBool::new(false);

/// Before a fork: lists the slots of these functions, and others that are wanted, if that was not done since the newest library was
/// loaded, and if there is room for that. `access` says whether another thread may unload a library meanwhile.
pub fn prepare(
    wanted: Sets,
    functions: impl Iterator<Item = &'static CStr>,
    access: Access,
    has_room: impl FnOnce() -> bool,
) {
    let is_new = !next_definition::is_newest(NEWEST_OBJECT.load(Ordering::Relaxed));
    if is_new || wanted.0 & !LISTED.load(Ordering::Relaxed) != 0 {
        let Some(mut slots) = SLOTS.try_lock().filter(|_| has_room()) else {
            note(Sets::NONE);
            return;
        };
        slots.list_anew(wanted, is_new, functions, access);
    }
    // Relaxed: as the statics say, and so below.
    note(Sets(wanted.0 & PRESENT.load(Ordering::Relaxed)));
}

/// Before a fork whose child is not to be shown.
#[inline(always)]
pub fn leave() {
    if IS_READY.load(Ordering::Relaxed) {
        note(Sets::NONE);
    }
}

fn note(sets: Sets) {
    let is_ready = sets != Sets::NONE;
    if is_ready || IS_READY.load(Ordering::Relaxed) {
        READY.store(sets.0, Ordering::Relaxed);
        IS_READY.store(is_ready, Ordering::Relaxed);
    }
}

impl Slots {
    /// Not a part of its caller, whose frame would take a page more of the stack at every fork.
    #[cold]
    #[inline(never)]
    fn list_anew(
        &mut self,
        wanted: Sets,
        is_new: bool,
        functions: impl Iterator<Item = &'static CStr>,
        access: Access,
    ) {
        let sets = Sets(wanted.0 | LISTED.load(Ordering::Relaxed));
        if is_new {
            NEWEST_OBJECT.store(next_definition::newest(), Ordering::Relaxed);
        }
        // What leads to an entry already is found by none of the lists.
        for list in [&mut self.descriptors, &mut self.audited, &mut self.guarded] {
            list.clear();
        }
        self.unbound.clear();
        if !self.are_in_use {
            self.shown.clear();
            self.libraries.clear();
            self.dlsym = None;
        }
        LISTED.store(sets.0, Ordering::Relaxed);
        if sets.are_in(Sets::DESCRIPTORS) {
            self.descriptors = list(functions, access);
        }
        if sets.are_in(Sets::AUDITED) {
            self.list_audited(access);
        }
        if sets.are_in(Sets::GUARDED) {
            self.list_guarded(access);
        }
        // Those of one page together.
        for list in [&mut self.descriptors, &mut self.audited, &mut self.guarded] {
            list.sort_unstable_by_key(|slot| slot.address);
        }
        // Relaxed: as `PRESENT` says.
        let listed = self.by_set().into_iter().filter(|(_, list)| !list.is_empty());
        PRESENT.store(listed.fold(0, |all, (set, _)| all | set.0), Ordering::Relaxed);
    }

    fn by_set(&self) -> [(Sets, &[Replacement]); 3] {
        [
            (Sets::DESCRIPTORS, &self.descriptors),
            (Sets::AUDITED, &self.audited),
            (Sets::GUARDED, &self.guarded),
        ]
    }

    /// This name, as records and stacks need it: for ever.
    fn kept(&mut self, name: &str) -> &'static &'static str {
        if let Some(known) = self.names.iter().find(|known| ***known == name) {
            return known;
        }
        let text: &'static str = Box::leak(Box::<str>::from(name));
        let kept: &'static &'static str = Box::leak(Box::new(text));
        self.names.push(kept);
        kept
    }

    /// The address and number of a new entry, which goes on to `original`; `None` where there are no more.
    fn new_entry(&mut self, shown: Shown, original: usize) -> Option<(usize, usize)> {
        let number = FIRST_OTHER + self.shown.len();
        let address = redirected_entries::entry(number, original)?;
        self.shown.push(shown);
        Some((address, number))
    }
}

fn list(functions: impl Iterator<Item = &'static CStr>, access: Access) -> Vec<Replacement> {
    let targets: Vec<(usize, usize, &CStr)> = functions
        .enumerate()
        .filter_map(|(number, name)| {
            let original = reached(name)?;
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
    all
}

/// The function of this name that the program reaches: our hook, or else the next.
fn reached(name: &CStr) -> Option<usize> {
    next_definition::own(name).or_else(|| next_definition::behind_own(name))
}

/// In a child: redirects the slots that still hold what they held, or were bound meanwhile; `only` some of those that are ready.
#[cold]
#[inline(never)]
pub fn apply(only: Sets) {
    let sets = Sets(READY.load(Ordering::Relaxed) & only.0);
    let Some(mut slots) = SLOTS.try_lock().filter(|_| sets != Sets::NONE) else {
        return;
    };
    for (_, list) in slots.by_set().into_iter().filter(|(set, _)| set.are_in(sets)) {
        own_memory::replace(list);
    }
    if Sets::GUARDED.are_in(sets) {
        slots.replace_bound();
    }
    slots.are_in_use = true;
}

/// In a child: redirects the slots of libraries that were loaded since it began. This thread must be the only one.
pub fn renew(functions: impl Iterator<Item = &'static CStr>) {
    let Some(mut slots) = SLOTS.try_lock() else { return };
    let sets = Sets(READY.load(Ordering::Relaxed));
    if sets == Sets::NONE || !slots.are_in_use || next_definition::is_newest(NEWEST_OBJECT.load(Ordering::Relaxed)) {
        return;
    }
    slots.list_anew(sets, true, functions, Access::Direct);
    drop(slots);
    apply(Sets::ALL);
}

/// In a child: undoes what was redirected for audited calls, except of `dlsym`, which guards need. This thread must be the only one.
pub fn undo_audited() {
    let Some(slots) = SLOTS.try_lock() else { return };
    let dlsym = slots.dlsym.and_then(redirected_entries::address);
    let undone = |slot: &Replacement| {
        let [_, original] = slot.old;
        Replacement {
            address: slot.address,
            old: [slot.new; 2],
            new: original,
        }
    };
    let listed = slots.audited.iter();
    let all: Vec<_> = listed.filter(|slot| Some(slot.new) != dlsym).map(undone).collect();
    own_memory::replace(&all);
}

/// The number of the entry through which `dlsym` is called.
pub fn entry_of_dlsym() -> Option<usize> {
    SLOTS.try_lock()?.dlsym
}

/// In a child: whether it is to redirect.
#[inline(always)]
pub fn is_ready() -> bool {
    IS_READY.load(Ordering::Relaxed)
}

/// What the entry of this number shows. `None` where that is being changed.
pub fn shown(number: usize) -> Option<Shown> {
    let slots = SLOTS.try_lock()?;
    slots.shown.get(number.checked_sub(FIRST_OTHER)?).copied()
}

/// The guarded library of this number.
pub fn library(number: usize) -> Option<Library> {
    let slots = SLOTS.try_lock()?;
    slots.libraries.get(number).cloned()
}
