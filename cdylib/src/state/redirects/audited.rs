//! The slots through which a program and its libraries call functions that are not async-signal-safe.

use std::collections::BTreeMap;
use std::ffi::CString;

use forkwatch_schema::unsafe_functions;

use super::{Shown, Slots, reached};
use crate::config;
use crate::system::import_slots;
use crate::system::loaded_object::Access;
use crate::system::own_memory::Replacement;

/// A function as it is called by one of its spellings.
struct Target {
    function: &'static str,
    original: usize,
    /// The address of its entry, once a slot needs one.
    entry: Option<usize>,
}

impl Slots {
    /// Adds those of the audited functions.
    pub(super) fn list_audited(&mut self, access: Access) {
        let mut targets = targets();
        let mut name = Vec::new();
        import_slots::each(access, |tables, slot| {
            let Some(target) = targets.get_mut(tables.name(&slot, &mut name)) else {
                return;
            };
            // Another definition of that name, such as an allocator's of its own, is not judged.
            if slot.value != target.original && !slot.is_unbound() {
                return;
            }
            if target.entry.is_none() {
                let entry = self.new_unsafe_entry(target.function, target.original);
                if let Some((_, number)) = entry.filter(|_| target.function == "dlsym") {
                    self.dlsym = Some(number);
                }
                target.entry = entry.map(|(address, _)| address);
            }
            self.audited.extend(target.entry.map(|new| Replacement {
                address: slot.address,
                old: [slot.value, target.original],
                new,
            }));
        });
    }
}

impl Slots {
    fn new_unsafe_entry(&mut self, function: &str, original: usize) -> Option<(usize, usize)> {
        let function = self.kept(function);
        self.new_entry(Shown::Unsafe(function), original)
    }
}

/// The audited functions that exist, by each spelling.
fn targets() -> BTreeMap<Vec<u8>, Target> {
    let audit = &config::get().audit;
    let wanted = unsafe_functions::all().filter(|(family, function)| audit.has(family, function));
    let mut targets = BTreeMap::new();
    for (_, function) in wanted {
        for spelling in unsafe_functions::spellings(function) {
            let Ok(spelling) = CString::new(spelling) else {
                continue;
            };
            if let Some(original) = reached(&spelling) {
                let target = Target {
                    function,
                    original,
                    entry: None,
                };
                targets.insert(spelling.into_bytes(), target);
            }
        }
    }
    targets
}
