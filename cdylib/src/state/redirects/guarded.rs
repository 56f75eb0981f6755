//! The slots through which a program and its libraries call into guarded libraries: those that the user names, and those that say
//! themselves that they do not work after fork.
//!
//! A slot that the loader has not filled yet leads on to the loader, which fills it: so only the first call through it is seen, and
//! the version of the function is the one that the loader chooses.

use core::ffi::CStr;
use core::ops::Range;
use std::collections::BTreeMap;
use std::ffi::CString;

use forkwatch_process::memory::ProcessMemory;
use forkwatch_schema::guarded_libraries::{self, ROWS, Row};
use forkwatch_schema::path::base_name;
use glob::Pattern;

use super::{FIRST_OTHER, SLOTS, Shown, Slots, reached};
use crate::config;
use crate::system::import_slots;
use crate::system::loaded_object::{Access, Object};
use crate::system::next_definition;
use crate::system::own_memory::{self, Replacement};
use crate::system::printable::printable;
use crate::system::redirected_entries;

/// The most libraries that are guarded.
pub const MAX: usize = 64;
/// What no user guards: each call would count.
const LIBC: [&str; 5] = [
    "libc.so.6",
    "libpthread.so.0",
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "linux-vdso.so.1",
];

/// A guarded library as it is loaded, and its number.
type Guarded<'a> = (&'a Object, &'a Library, usize);

/// One guarded library.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its file.
    pub path: String,
    /// The user named it.
    pub is_users: bool,
    /// What its makers say.
    pub row: Option<&'static Row>,
    /// Where it lies.
    pub range: Range<usize>,
}

impl Library {
    /// Whether calls of this function count.
    fn counts(&self, function: &str) -> bool {
        self.is_users
            || self.row.is_some_and(|row| {
                row.functions
                    .iter()
                    .any(|glob| guarded_libraries::matches(glob, function))
            })
    }
}

impl Slots {
    /// Adds those of the guarded libraries.
    pub(super) fn list_guarded(&mut self, access: Access) {
        let objects = guarded(access);
        // A library that the user names may be opened by the child.
        if objects.is_empty() && config::get().guard.is_empty() {
            return;
        }
        self.list_dlsym(access);
        self.list_ffi_call(access);
        let first = self.libraries.len();
        self.libraries
            .extend(objects.iter().map(|(_, library)| library.clone()));
        // Slots that hold one address share an entry.
        let mut entries: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        let mut name = Vec::new();
        import_slots::each(access, |tables, slot| {
            let by_address = || {
                objects
                    .iter()
                    .position(|(_, library)| library.range.contains(&slot.value))
            };
            let entry = match entries.get(&slot.value) {
                Some(entry) => *entry,
                None if by_address().is_none() && !slot.is_unbound() => return,
                None => {
                    let Ok(function) = CString::new(tables.name(&slot, &mut name)) else {
                        return;
                    };
                    let called = by_address().or_else(|| bound_to(&objects, &function, access));
                    let entry = called.and_then(|place| {
                        let (object, library) = objects.get(place)?;
                        self.entry((object, library, first + place), &function, slot.value)
                    });
                    entries.insert(slot.value, entry);
                    entry
                }
            };
            // Calls of a library into itself, or into another part of it, are its own affair.
            let is_own = objects.iter().any(|(object, _)| object.base == slot.object());
            let Some(new) = entry.filter(|_| !is_own) else { return };
            let replacement = Replacement {
                address: slot.address,
                old: [slot.value; 2],
                new,
            };
            self.guarded.push(replacement);
            if slot.is_unbound() {
                self.unbound.push(replacement);
            }
        });
    }

    /// Adds the slots of `dlsym` that are not listed yet.
    fn list_dlsym(&mut self, access: Access) {
        let Some(original) = reached(c"dlsym") else { return };
        if self.dlsym.is_none() {
            self.dlsym = self.new_entry(Shown::Finds, original).map(|(_, number)| number);
        }
        let Some(new) = self.dlsym.and_then(redirected_entries::address) else {
            return;
        };
        let (audited, guarded) = (&self.audited, &mut self.guarded);
        import_slots::each(access, |tables, slot| {
            let is_it = slot.value == original || slot.is_unbound() && tables.is_called(&slot, c"dlsym");
            if is_it && !audited.iter().any(|listed| listed.address == slot.address) {
                guarded.push(Replacement {
                    address: slot.address,
                    old: [slot.value, original],
                    new,
                });
            }
        });
    }

    /// Adds the slots of each `ffi_call`, by which interpreters call a function that they have looked up: `ctypes` and GObject's bindings.
    fn list_ffi_call(&mut self, access: Access) {
        const NAME: &CStr = c"ffi_call";
        let definitions: Vec<usize> = next_definition::others(access)
            .filter_map(|object| object.definition(NAME, None))
            .collect();
        for original in definitions {
            let Some((new, _)) = self.new_entry(Shown::Passes, original) else {
                return;
            };
            let guarded = &mut self.guarded;
            import_slots::each(access, |tables, slot| {
                let is_listed = || {
                    guarded
                        .iter()
                        .any(|listed: &Replacement| listed.address == slot.address)
                };
                if slot.value == original || slot.is_unbound() && tables.is_called(&slot, NAME) && !is_listed() {
                    guarded.push(Replacement {
                        address: slot.address,
                        old: [slot.value, original],
                        new,
                    });
                }
            });
        }
    }

    /// The number of the entry of a guarded library's function that goes on to `original`.
    fn entry_to(&self, original: usize) -> Option<usize> {
        let mut numbers = (FIRST_OTHER..).zip(&self.shown);
        let is_it = |(number, shown): &(usize, &Shown)| {
            matches!(shown, Shown::Guarded(..)) && redirected_entries::original(*number) == original
        };
        numbers.find(is_it).map(|(number, _)| number)
    }

    /// The address of an entry that goes on to `original`, if this is a function that counts. Slots also import variables.
    fn entry(&mut self, (object, library, number): Guarded<'_>, name: &CStr, original: usize) -> Option<usize> {
        let function = name.to_str().ok().filter(|function| library.counts(function))?;
        if !object.defines_function(name) {
            return None;
        }
        let kept = self.kept(function);
        let entry = self.new_entry(Shown::Guarded(kept, number), original);
        entry.map(|(address, _)| address)
    }

    /// In a child: redirects the slots that the loader has filled since they were listed.
    pub(super) fn replace_bound(&self) {
        for slot in &self.unbound {
            let Some(word) = ProcessMemory::own().word(slot.address) else {
                continue;
            };
            let is_there = self.libraries.iter().any(|library| library.range.contains(&word));
            if let Some(number) = redirected_entries::number(slot.new).filter(|_| is_there) {
                redirected_entries::set_original(number, word);
                let bound = Replacement {
                    old: [word; 2],
                    ..*slot
                };
                own_memory::replace(&[bound]);
            }
        }
    }
}

/// In a child: the address of an entry for this function, if it is one of a guarded library that counts.
pub fn entry_for(function: usize, name: &CStr) -> Option<usize> {
    let mut slots = SLOTS.try_lock()?;
    let number = slots
        .libraries
        .iter()
        .position(|library| library.range.contains(&function))?;
    let library = slots.libraries.get(number)?.clone();
    let object = next_definition::others(Access::Guarded).find(|object| object.base == library.range.start)?;
    let known = slots.entry_to(function).and_then(redirected_entries::address);
    known.or_else(|| slots.entry((&object, &library, number), name, function))
}

/// In a child: the number of the guarded library in which the function at this address lies.
pub fn passed_to(function: usize) -> Option<usize> {
    let slots = SLOTS.try_lock()?;
    slots
        .libraries
        .iter()
        .position(|library| library.range.contains(&function))
}

/// In a child: this name for records, if calls of the function in the library of this number count.
pub fn counted(library: usize, function: &str) -> Option<&'static &'static str> {
    let mut slots = SLOTS.try_lock()?;
    let counts = slots.libraries.get(library)?.counts(function);
    counts.then(|| slots.kept(function))
}

/// The guarded library that the loader will bind this function to.
fn bound_to(objects: &[(Object, Library)], function: &CString, access: Access) -> Option<usize> {
    if !objects.iter().any(|(object, _)| object.defines_function(function)) {
        return None;
    }
    let first = next_definition::others(access).find(|object| object.definition(function, None).is_some())?;
    objects.iter().position(|(object, _)| object.base == first.base)
}

/// The loaded libraries that are guarded.
fn guarded(access: Access) -> Vec<(Object, Library)> {
    let compiled = |glob: &str| Pattern::new(glob).ok();
    let users: Vec<Pattern> = config::get().guard.iter().filter_map(|glob| compiled(glob)).collect();
    let rows: Vec<(Pattern, &Row)> = ROWS
        .iter()
        .filter_map(|row| Some((compiled(row.library)?, row)))
        .collect();
    let fits = |glob: &Pattern, name: &str| glob.matches(name) || glob.matches(&guarded_libraries::makers_name(name));
    let is_users = |name: &str| !LIBC.contains(&name) && users.iter().any(|glob| fits(glob, name));
    let row_of = |name: &str| rows.iter().find(|(glob, _)| fits(glob, name)).map(|(_, row)| *row);
    let objects = next_definition::of_paths(access, |path| {
        let path = printable(path);
        let name = base_name(&path);
        !name.is_empty() && (is_users(name) || row_of(name).is_some())
    });
    let library = |(object, path): (Object, Vec<u8>)| {
        let path = printable(&path);
        let library = Library {
            is_users: is_users(base_name(&path)),
            row: row_of(base_name(&path)),
            range: object.range(),
            path,
        };
        (object, library)
    };
    objects.into_iter().map(library).take(MAX).collect()
}
