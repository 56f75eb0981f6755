//! Which object is the lock at an address: searched for from the threads' frames, a few steps deep.

use std::collections::BTreeSet;

use super::frame::Frame;
use super::lock_object::LockState;
use super::object::Objects;
use super::path::{Reached, Step};

/// The most steps from a variable: `event`, `event._cond`, `event._cond._lock`.
const MAX_DEPTH: usize = 3;
/// The most steps to a variable or an attribute of one.
const NEAR: usize = 2;
/// The most objects examined from one frame.
const MAX_OBJECTS: usize = 400;
/// Where the standard library has its locks: what a program calls such an object says more than its class.
const LIBRARY: &[&str] = &[
    "threading",
    "queue",
    "logging",
    "concurrent",
    "multiprocessing",
    "asyncio",
];

/// A lock and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where the lock is.
    pub address: usize,
    /// What the program calls it: `Vault.door of bank.vault`, `Vault.door in bank`, `door in keep_open (bank.py)`.
    pub name: String,
    /// Whether it is bookkeeping of `threading`'s, which no other code takes.
    pub is_bookkeeping: bool,
    /// The `pthread_t` that a recursive lock knows as its holder.
    pub holder: Option<usize>,
}

impl Named {
    /// The lock that a `threading.Thread` holds all its life, up to 3.12.
    pub fn thread_state_lock(address: usize) -> Self {
        Self {
            address,
            name: "_tstate_lock".to_owned(),
            is_bookkeeping: true,
            holder: None,
        }
    }
}

/// A held lock, found from a frame.
#[derive(Debug)]
pub struct Found {
    /// The lock.
    pub named: Named,
    /// Its state.
    pub lock: LockState,
    /// The variable or attribute at the end of the path.
    pub last: String,
    /// Whether it is a local variable of the function, or an attribute of one.
    pub is_near: bool,
}

impl Objects {
    /// The locks among `wanted` that can be reached from this frame, with the shortest path to each: through variables that the
    /// function uses, and, with `all_of_module`, through all variables of its module.
    pub fn locks_from(&self, frame: Frame, wanted: &BTreeSet<usize>, all_of_module: bool) -> Vec<Named> {
        let is_wanted = |object| self.lock_in(object).filter(|address| wanted.contains(address));
        let mut found = Vec::new();
        self.search(frame, all_of_module, is_wanted, |address, object, reached, number| {
            found.extend(self.named(address, object, reached, number, frame));
        });
        found
    }

    /// The held locks that the function's variables lead to.
    pub fn held_locks_from(&self, frame: Frame) -> Vec<Found> {
        let is_held = |object| self.held_lock(object).map(|lock| lock.address);
        let locals = self.locals(frame).len();
        let mut found = Vec::new();
        self.search(frame, false, is_held, |address, object, reached, number| {
            let (Some(last), Some(lock)) = (reached.get(number), self.held_lock(object)) else {
                return;
            };
            let named = self.named(address, object, reached, number, frame);
            found.extend(named.map(|named| {
                Found {
                    named,
                    lock,
                    last: match last.step {
                        Step::Variable(name) | Step::Attribute(name) => self.text(name).unwrap_or_default(),
                        Step::Element(_) | Step::Key(_) => String::new(),
                    },
                    is_near: last.depth <= NEAR
                        && Self::places(reached, number)
                            .first()
                            .is_some_and(|&first| first < locals),
                }
            }));
        });
        found
    }

    /// The variable or attribute by which this frame knows the lock at this address, if it knows no other lock by such a name.
    pub(super) fn known_as(&self, frame: Frame, address: usize) -> Option<String> {
        let mut all: Vec<(usize, String)> = Vec::new();
        let any_lock = |object| self.lock_in(object);
        self.search(frame, false, any_lock, |found, _, reached, number| {
            if let Some(Step::Variable(name) | Step::Attribute(name)) = reached.get(number).map(|last| last.step) {
                all.extend(self.text(name).map(|name| (found, name)));
            }
        });
        let (_, name) = all.iter().find(|(found, _)| *found == address)?;
        let is_only = all.iter().all(|(found, other)| other != name || *found == address);
        is_only.then(|| name.clone())
    }

    /// Shows what `is_wanted` wants to `see`: its address, the object, what was reached, and at which place there the object
    /// is. Follows the module's variables that the function uses, and, with `all_of_module`, the others.
    fn search(
        &self,
        frame: Frame,
        all_of_module: bool,
        is_wanted: impl Fn(usize) -> Option<usize>,
        mut see: impl FnMut(usize, usize, &[Reached], usize),
    ) {
        let variable = |(name, object), depth| Reached::variable(name, object, depth);
        let mut reached: Vec<Reached> = self.locals(frame).into_iter().map(|local| variable(local, 1)).collect();
        let used = self.used_names(frame);
        for (name, object) in self.globals(frame) {
            if used.contains(&name) {
                reached.push(variable((name, object), 1));
            } else if all_of_module && is_wanted(object).is_some() {
                reached.push(variable((name, object), MAX_DEPTH));
            }
        }
        let mut seen = BTreeSet::new();
        let mut number = 0;
        while let Some(&Reached { object, depth, .. }) = reached.get(number) {
            if seen.len() >= MAX_OBJECTS {
                break;
            }
            if seen.insert(object) {
                match is_wanted(object) {
                    Some(address) => see(address, object, &reached, number),
                    None if depth < MAX_DEPTH => {
                        let parts = self.parts(object).into_iter();
                        let further: Vec<_> = parts.map(|part| Self::further(&reached, number, part)).collect();
                        reached.extend(further);
                    }
                    None => {}
                }
            }
            number += 1;
        }
    }

    fn named(&self, address: usize, object: usize, reached: &[Reached], number: usize, frame: Frame) -> Option<Named> {
        let places = Self::places(reached, number);
        let way = self.in_words(reached, &places);
        let file = self.short_file(frame)?;
        // The lock that `Condition.wait` makes for itself.
        let is_waiter = way == "waiter" && file == "threading.py";
        let name = match self.by_class(reached, &places, frame) {
            Some(name) => name,
            None => format!("{way} in {} ({file})", self.function(frame)?),
        };
        Some(Named {
            is_bookkeeping: way.ends_with("._tstate_lock") || is_waiter,
            ..self.lock_named(address, object, name)
        })
    }

    /// The lock that this object is, with this name.
    pub(super) fn lock_named(&self, address: usize, object: usize, name: String) -> Named {
        Named {
            address,
            name,
            is_bookkeeping: false,
            holder: self.recursive_holder(object),
        }
    }

    /// `Vault.door in bank`, which every function calls in another way.
    fn by_class(&self, reached: &[Reached], places: &[usize], frame: Frame) -> Option<String> {
        let attributes = Self::attributes_at_end(reached, places);
        let at = places.len().checked_sub(attributes + 1)?;
        let (owner, steps) = places.get(at..)?.split_first().filter(|(_, steps)| !steps.is_empty())?;
        let (class, mut module) = self.class_of(reached.get(*owner)?.object)?;
        if module == "__main__" {
            module = self.module_name(&self.globals(frame)).unwrap_or(module);
        }
        let package = module.split('.').next().unwrap_or_default();
        let says_more = LIBRARY.contains(&package) && self.in_words(reached, &[*owner]) != "self";
        (!says_more).then(|| format!("{class}{} in {module}", self.in_words(reached, steps)))
    }

    /// The name of the frame's file, with its folder where all have the same.
    fn short_file(&self, frame: Frame) -> Option<String> {
        let file = self.file(frame)?;
        let mut parts = file.rsplit('/');
        Some(match (parts.next().unwrap_or_default(), parts.next()) {
            ("__init__.py", Some(package)) => format!("{package}/__init__.py"),
            (file, _) => file.to_owned(),
        })
    }
}
