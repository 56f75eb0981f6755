//! Which object is the lock at an address: searched for from the threads' frames, a few steps deep.

use std::collections::BTreeSet;

use super::frame::Frame;
use super::lock_object::LockState;
use super::object::Objects;

/// The most steps from a variable: `event`, `event._cond`, `event._cond._lock`.
const MAX_DEPTH: usize = 3;
/// The most steps to a variable or an attribute of one.
const NEAR: usize = 2;
/// The most objects examined from one frame.
const MAX_OBJECTS: usize = 400;
/// The most elements of a container, and attributes of an object, that are examined.
const MAX_PARTS: usize = 64;

/// A lock and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where the lock is.
    pub address: usize,
    /// What the program calls it: `self.door in Vault.keep_open (bank.py:7)`.
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

/// What is reached from a frame, and how: the path is only formatted if it leads to a lock.
struct Reached {
    object: usize,
    /// The place in the list of what it was reached from.
    from: Option<usize>,
    step: Step,
    depth: usize,
}

/// One step of the path, with its `str` name or its number.
#[derive(Clone, Copy)]
enum Step {
    Variable(usize),
    Attribute(usize),
    Element(usize),
    Key(usize),
}

impl Objects {
    /// The locks among `wanted` that can be reached from this frame, with the shortest path to each: through variables that the
    /// function uses, and, with `all_of_module`, through all variables of its module.
    pub fn locks_from(&self, frame: Frame, wanted: &BTreeSet<usize>, all_of_module: bool) -> Vec<Named> {
        let is_wanted = |object| self.lock_in(object).filter(|address| wanted.contains(address));
        let mut found = Vec::new();
        self.search(frame, all_of_module, is_wanted, |address, object, reached, number| {
            found.extend(self.named(address, object, &self.way(reached, number), frame));
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
            let named = self.named(address, object, &self.way(reached, number), frame);
            found.extend(named.map(|named| Found {
                named,
                lock,
                last: match last.step {
                    Step::Variable(name) | Step::Attribute(name) => self.text(name).unwrap_or_default(),
                    Step::Element(_) | Step::Key(_) => String::new(),
                },
                is_near: last.depth <= NEAR && first_of(reached, number) < locals,
            }));
        });
        found
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
        let variable = |(name, object), depth| Reached {
            object,
            from: None,
            step: Step::Variable(name),
            depth,
        };
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
                    None if depth < MAX_DEPTH => self.step(number, object, depth + 1, &mut reached),
                    None => {}
                }
            }
            number += 1;
        }
    }

    /// What is one step away: attributes, elements.
    fn step(&self, from: usize, object: usize, depth: usize, reached: &mut Vec<Reached>) {
        let from = Some(from);
        let further = |object, step| Reached {
            object,
            from,
            step,
            depth,
        };
        let attributes = self.all_attributes(object).into_iter().take(MAX_PARTS);
        reached.extend(attributes.map(|(name, object)| further(object, Step::Attribute(name))));
        let elements = self.elements(object, MAX_PARTS).into_iter().enumerate();
        reached.extend(elements.map(|(index, object)| further(object, Step::Element(index))));
        let entries = self.entries(object, MAX_PARTS).into_iter();
        reached.extend(entries.map(|(key, object)| further(object, Step::Key(key))));
    }

    /// The path to this entry of the list, as the program would write it.
    fn way(&self, reached: &[Reached], number: usize) -> String {
        let Some(last) = reached.get(number) else {
            return String::new();
        };
        // An entry comes after the one it was reached from, so this ends.
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

    fn named(&self, address: usize, object: usize, way: &str, frame: Frame) -> Option<Named> {
        self.lock_in(object)?;
        let record = self.record_of(frame)?;
        let mut parts = record.file.rsplit('/');
        let file = match (parts.next().unwrap_or_default(), parts.next()) {
            ("__init__.py", Some(package)) => format!("{package}/__init__.py"),
            (file, _) => file.to_owned(),
        };
        // The lock that `Condition.wait` makes for itself.
        let is_waiter = way == "waiter" && file == "threading.py";
        Some(Named {
            address,
            name: format!("{way} in {} ({file}:{})", record.function, record.line),
            is_bookkeeping: way.ends_with("._tstate_lock") || is_waiter,
            holder: self.recursive_holder(object),
        })
    }
}

/// The index of the variable where the path to entry `number` begins.
fn first_of(reached: &[Reached], number: usize) -> usize {
    // An entry comes after the one it was reached from, so this ends.
    let before = reached.get(number).and_then(|last| last.from);
    match before.filter(|&before| before < number) {
        Some(before) => first_of(reached, before),
        None => number,
    }
}
