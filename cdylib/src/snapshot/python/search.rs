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

impl Named {
    /// The lock that a `threading.Thread` holds all its life, up to 3.12.
    pub fn sign_of_life(address: usize) -> Self {
        Self {
            address,
            name: "_tstate_lock".to_owned(),
            is_bookkeeping: true,
        }
    }
}

/// What is reached from a frame, and how: the way is put into words only where it leads to a lock.
struct Reached {
    object: usize,
    /// The place in the list of what it was reached from.
    from: Option<usize>,
    step: Step,
    depth: usize,
}

/// One step of the way, with the `str` or the number that it goes by.
#[derive(Clone, Copy)]
enum Step {
    Variable(usize),
    Attribute(usize),
    Element(usize),
    Key(usize),
}

impl Objects {
    /// The locks among `wanted` that can be reached from this frame, with the shortest way to each. Variables of modules in
    /// `seen` were looked at before.
    pub fn locks_from(&self, frame: Frame, wanted: &BTreeSet<usize>, seen_modules: &mut BTreeSet<usize>) -> Vec<Named> {
        let variable = |(name, object), depth| Reached {
            object,
            from: None,
            step: Step::Variable(name),
            depth,
        };
        let mut reached: Vec<Reached> = self.locals(frame).into_iter().map(|local| variable(local, 1)).collect();
        let used = self.used_names(frame);
        let is_new = self.module(frame).is_some_and(|module| seen_modules.insert(module));
        for (name, object) in self.globals(frame) {
            if used.contains(&name) {
                reached.push(variable((name, object), 1));
            } else if is_new && self.lock_in(object).is_some_and(|lock| wanted.contains(&lock)) {
                reached.push(variable((name, object), DEEPEST));
            }
        }
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut number = 0;
        while let Some(&Reached { object, depth, .. }) = reached.get(number) {
            if seen.len() >= MOST_OBJECTS {
                break;
            }
            if seen.insert(object) {
                match self.lock_in(object).filter(|address| wanted.contains(address)) {
                    Some(address) => found.extend(self.named(address, object, &self.way(&reached, number), frame)),
                    None if depth < DEEPEST => self.step(number, object, depth + 1, &mut reached),
                    None => {}
                }
            }
            number += 1;
        }
        found
    }

    /// What lies one step further: attributes, elements.
    fn step(&self, from: usize, object: usize, depth: usize, reached: &mut Vec<Reached>) {
        let from = Some(from);
        let further = |object, step| Reached {
            object,
            from,
            step,
            depth,
        };
        let attributes = self.attributes(object).into_iter().take(MOST_PARTS);
        reached.extend(attributes.map(|(name, object)| further(object, Step::Attribute(name))));
        let elements = self.elements(object, MOST_PARTS).into_iter().enumerate();
        reached.extend(elements.map(|(index, object)| further(object, Step::Element(index))));
        let entries = self.entries(object, MOST_PARTS).into_iter();
        reached.extend(entries.map(|(key, object)| further(object, Step::Key(key))));
    }

    /// The way to what stands at this place of the list, as the program would write it.
    fn way(&self, reached: &[Reached], number: usize) -> String {
        let Some(last) = reached.get(number) else {
            return String::new();
        };
        // What something was reached from stands before it, so this ends.
        let before = last.from.filter(|&from| from < number);
        let before = before.map_or_else(String::new, |from| self.way(reached, from));
        let word = |object| self.text(object).unwrap_or_else(|| "?".to_owned());
        match last.step {
            Step::Variable(name) => word(name),
            Step::Attribute(name) => format!("{before}.{}", word(name)),
            Step::Element(index) => format!("{before}[{index}]"),
            Step::Key(key) => match self.text(key) {
                Some(key) => format!("{before}[{key:?}]"),
                None => format!("{before}[...]"),
            },
        }
    }

    /// The address of the semaphore in a lock object; of anything else nothing, or something that no lock's address is.
    pub fn lock_in(&self, object: usize) -> Option<usize> {
        self.pages.pointer(object.checked_add(SEMAPHORE)?)
    }

    fn named(&self, address: usize, object: usize, way: &str, frame: Frame) -> Option<Named> {
        let of = self.type_name(self.type_of(object)?)?;
        if !matches!(of.as_str(), "_thread.lock" | "_thread.RLock") {
            return None;
        }
        let told = self.told(frame)?;
        let mut parts = told.file.rsplit('/');
        let file = match (parts.next().unwrap_or_default(), parts.next()) {
            ("__init__.py", Some(package)) => format!("{package}/__init__.py"),
            (file, _) => file.to_owned(),
        };
        // The lock that `Condition.wait` makes for itself.
        let is_waiter = way == "waiter" && file == "threading.py";
        Some(Named {
            address,
            name: format!("{way} in {} ({file}:{})", told.function, told.line),
            is_bookkeeping: way.ends_with("._tstate_lock") || is_waiter,
        })
    }
}
