//! Which object is the lock at an address: looked for from the frames of the threads on, a few steps deep.
//!
//! Up to 3.13.0 the objects of `_thread.lock` and `_thread.RLock`, which everything in `threading` is made of, point to a
//! semaphore of libc's; that is the address which hooks see.

use std::collections::BTreeSet;

use super::frame::Frame;
use super::object::Objects;

/// Where the pointer to the semaphore stands in a lock object.
const SEMAPHORE: usize = 16;
/// The most steps from a variable: `event`, `event._cond`, `event._cond._lock`.
const DEEPEST: usize = 3;
/// The most objects looked at from one frame.
const MOST_OBJECTS: usize = 400;
/// The most elements of a container, and attributes of an object, that are looked at.
const MOST_PARTS: usize = 64;

/// A lock and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where the lock lies.
    pub address: usize,
    /// What the program calls it: `self.door in Vault.keep_open (bank.py:7)`.
    pub name: String,
    /// Whether it is bookkeeping of `threading`'s, which no other code asks for.
    pub is_bookkeeping: bool,
}

/// What is reached from a frame.
struct Reached {
    object: usize,
    path: String,
    depth: usize,
}

impl Objects {
    /// The locks among `wanted` that can be reached from this frame, with the shortest way to each.
    pub fn locks_from(&self, frame: Frame, wanted: &BTreeSet<usize>) -> Vec<Named> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next: Vec<Reached> = self
            .locals(frame)
            .into_iter()
            .filter_map(|(name, object)| self.start(name, object, 1))
            .collect();
        let (globals, used) = self.globals(frame);
        for (name, object) in globals {
            let depth = if used.contains(&name) { 1 } else { DEEPEST };
            if depth == 1 || self.lock_in(object).is_some_and(|lock| wanted.contains(&lock)) {
                next.extend(self.start(name, object, depth));
            }
        }
        while !next.is_empty() {
            let mut further = Vec::new();
            for reached in next {
                if seen.len() >= MOST_OBJECTS || !seen.insert(reached.object) {
                    continue;
                }
                if let Some(address) = self.lock_in(reached.object).filter(|address| wanted.contains(address)) {
                    found.extend(self.named(address, &reached, frame));
                } else if reached.depth < DEEPEST {
                    self.step(&reached, &mut further);
                }
            }
            next = further;
        }
        found
    }

    fn start(&self, name: usize, object: usize, depth: usize) -> Option<Reached> {
        let path = self.text(name)?;
        Some(Reached { object, path, depth })
    }

    /// What lies one step further: attributes, elements.
    fn step(&self, from: &Reached, further: &mut Vec<Reached>) {
        let depth = from.depth + 1;
        let attributes = self.attributes(from.object).into_iter().take(MOST_PARTS);
        further.extend(attributes.filter_map(|(name, object)| {
            let path = format!("{}.{}", from.path, self.text(name)?);
            Some(Reached { object, path, depth })
        }));
        let elements = self.elements(from.object, MOST_PARTS).into_iter().enumerate();
        further.extend(elements.map(|(index, object)| Reached {
            object,
            path: format!("{}[{index}]", from.path),
            depth,
        }));
        let entries = self.entries(from.object).into_iter().take(MOST_PARTS);
        further.extend(entries.map(|(key, object)| Reached {
            object,
            path: match self.text(key) {
                Some(key) => format!("{}[{key:?}]", from.path),
                None => format!("{}[...]", from.path),
            },
            depth,
        }));
    }

    /// The address of the semaphore in a lock object; of anything else nothing, or something that no lock's address is.
    fn lock_in(&self, object: usize) -> Option<usize> {
        self.pages.pointer(object.checked_add(SEMAPHORE)?)
    }

    fn named(&self, address: usize, reached: &Reached, frame: Frame) -> Option<Named> {
        let of = self.type_name(self.type_of(reached.object)?)?;
        if !matches!(of.as_str(), "_thread.lock" | "_thread.RLock") {
            return None;
        }
        let told = self.told(frame)?;
        let file = told.file.rsplit('/').next().unwrap_or_default();
        let last = reached.path.rsplit('.').next().unwrap_or_default();
        let is_waiter = reached.path == "waiter" && file == "threading.py" && told.function.ends_with("wait");
        Some(Named {
            address,
            name: format!("{} in {} ({file}:{})", reached.path, told.function, told.line),
            is_bookkeeping: last == "_tstate_lock" || is_waiter,
        })
    }
}
