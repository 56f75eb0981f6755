//! The locks that a forked child makes anew before its own code runs: by the Python functions that `os.register_at_fork` was given
//! for the child.
//!
//! No function is run, and no instruction is read. If a function names what makes a lock anew (`_at_fork_reinit`,
//! `threading.Lock`), the locks that it names count: attributes of its object, variables of its module, and variables of the
//! function around it. What it calls counts too, a few calls deep. `logging` has a set of its handlers.

use std::collections::BTreeSet;

use super::frame::CONTENT;
use super::layout::INTERPRETER;
use super::object::{MAX_ENTRIES, Objects};

/// The most functions of the list that are examined.
const MAX_HANDLERS: usize = 256;
/// The most functions examined in all, and how many calls deep.
const MAX_FUNCTIONS: usize = 1024;
const MAX_DEPTH: usize = 3;
/// The most names of one function, and variables of the functions around it.
const MAX_NAMES: usize = 128;

/// Frees an inherited lock. It counts only in the list's own functions: elsewhere, it ends what `acquire` begins.
const RELEASE: &str = "release";
/// What makes a lock anew.
const MAKERS: &[&str] = &[
    "_at_fork_reinit",
    "Lock",
    "RLock",
    "allocate_lock",
    "_allocate_lock",
    "createLock",
    "Condition",
    "Event",
    "Semaphore",
    "BoundedSemaphore",
    "Barrier",
    "Queue",
    "LifoQueue",
    "PriorityQueue",
    "SimpleQueue",
];

/// `builtin_function_or_method`: its `PyMethodDef`, which begins with the name, and its object.
const METHOD_DEFINITION: usize = 16;
const METHOD_SELF: usize = 24;
/// `method`: the function and its object.
const BOUND_FUNCTION: usize = 16;
const BOUND_SELF: usize = 24;
/// `functools.partial`: the function and its first arguments.
const PARTIAL_FUNCTION: usize = 16;
const PARTIAL_ARGUMENTS: usize = 24;
/// Weak references: the object.
const REFERENT: usize = 16;

/// The variable of `logging` with the set of its handlers.
const LOGGING_HANDLERS: &str = "_at_fork_reinit_lock_weakset";

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    /// The functions, each with the object that it is a method of.
    functions: BTreeSet<(usize, Option<usize>)>,
    /// The locks.
    locks: BTreeSet<usize>,
}

impl Objects {
    /// The addresses of the locks that a child makes anew, if the thread with this state calls `os.fork`.
    pub fn made_anew_in_child(&self, state: usize) -> BTreeSet<usize> {
        let mut found = Found::default();
        for handler in self.child_handlers(state) {
            self.add_callable(handler, 0, &mut found);
        }
        found.locks
    }

    /// The functions that the interpreter of this thread calls in a child.
    fn child_handlers(&self, state: usize) -> Vec<usize> {
        let list = || {
            let place = self.layout.child_handlers?;
            let interpreter = self.pages.pointer(state + INTERPRETER)?;
            self.pages.pointer(interpreter.checked_add(place)?)
        };
        list().map_or_else(Vec::new, |list| self.elements(list, MAX_HANDLERS))
    }

    fn add_callable(&self, callable: usize, depth: usize, found: &mut Found) {
        let part = |place| self.pointer_in(callable, place);
        match self.name_of_type(callable).as_deref() {
            Some("function") => self.add_function(callable, None, depth, found),
            Some("method") => {
                if let (Some(function), object) = (part(BOUND_FUNCTION), part(BOUND_SELF)) {
                    self.add_function(function, object, depth, found);
                }
            }
            Some("builtin_function_or_method") => {
                let name =
                    part(METHOD_DEFINITION).and_then(|definition| self.c_string(self.pages.pointer(definition)?));
                if name.is_some_and(|name| makes_anew(&name, depth)) {
                    found
                        .locks
                        .extend(part(METHOD_SELF).and_then(|object| self.lock_in(object)));
                }
            }
            Some("functools.partial") => {
                let first = part(PARTIAL_ARGUMENTS).and_then(|arguments| self.elements(arguments, 1).pop());
                if let Some(function) = part(PARTIAL_FUNCTION) {
                    self.add_function(function, first, depth, found);
                }
            }
            Some("WeakMethod") => {
                let function = self.value(&self.all_attributes(callable), "_func_ref");
                if let Some(function) = function.and_then(|reference| self.pointer_in(reference, REFERENT)) {
                    self.add_function(function, part(REFERENT), depth, found);
                }
            }
            _ => {}
        }
    }

    fn add_function(&self, address: usize, object: Option<usize>, depth: usize, found: &mut Found) {
        let is_function = self.name_of_type(address).as_deref() == Some("function");
        if !is_function || found.functions.len() >= MAX_FUNCTIONS || !found.functions.insert((address, object)) {
            return;
        }
        let parts = self.layout.function;
        let code = self.pages.pointer(address + parts.code);
        let Some(code) = code.filter(|&code| self.type_of(code) == Some(self.interpreter.types.code)) else {
            return;
        };
        let names = self.pages.pointer(code + self.layout.names);
        let names = names.map_or_else(Vec::new, |names| self.elements(names, MAX_NAMES));
        let names: BTreeSet<String> = names.into_iter().filter_map(|name| self.text(name)).collect();
        let globals = self.pages.pointer(address + parts.globals);
        let globals = globals.map_or_else(Vec::new, |globals| self.entries(globals, MAX_ENTRIES));
        let named = |entries: &[(usize, usize)]| -> Vec<usize> {
            let is_named = |key| self.text(key).is_some_and(|key| names.contains(&key));
            let entries = entries.iter().filter(|(key, _)| is_named(*key));
            entries.map(|&(_, value)| value).collect()
        };
        // The variables that the function refers to by their own names.
        let mut variables = named(&globals);
        if let Some(handlers) = self
            .value(&globals, LOGGING_HANDLERS)
            .filter(|set| variables.contains(set))
        {
            self.add_locks_of_logging(handlers, found);
        }
        variables.extend(self.variables_around(address));
        let objects: Vec<usize> = object.into_iter().chain(variables.iter().copied()).collect();
        if names.iter().any(|name| makes_anew(name, depth)) {
            let attributes = objects.iter().flat_map(|&object| named(&self.attributes(object)));
            for object in variables.iter().copied().chain(attributes) {
                self.add_locks_in(object, found);
            }
        }
        if depth < MAX_DEPTH {
            let methods = objects
                .iter()
                .flat_map(|&object| names.iter().map(move |name| (object, name)));
            for (object, name) in methods {
                if let Some(method) = self.method(object, name) {
                    self.add_function(method, Some(object), depth + 1, found);
                }
            }
            for callable in variables {
                self.add_callable(callable, depth + 1, found);
            }
        }
    }

    /// What the functions around a function share with it.
    fn variables_around(&self, function: usize) -> Vec<usize> {
        let cells = self.pages.pointer(function + self.layout.function.closure);
        let cells = cells.map_or_else(Vec::new, |cells| self.elements(cells, MAX_NAMES));
        let content = |cell: usize| self.pointer_in(cell, CONTENT);
        cells.into_iter().filter_map(content).collect()
    }

    /// The function of this name that an object has through its class.
    fn method(&self, object: usize, name: &str) -> Option<usize> {
        self.classes_of(object).into_iter().find_map(|class| {
            let of_class = self.entries(self.dict_of_class(class)?, MAX_ENTRIES);
            self.value(&of_class, name)
        })
    }

    /// The lock that an object is, or has for itself, as a condition, an event, a semaphore and a queue do.
    fn add_locks_in(&self, object: usize, found: &mut Found) {
        if let Some(lock) = self.lock_in(object) {
            found.locks.insert(lock);
            return;
        }
        for (_, part) in self.attributes(object).into_iter().take(MAX_NAMES) {
            if let Some(lock) = self.lock_in(part) {
                found.locks.insert(lock);
            } else if let Some(lock) = self.value(&self.attributes(part), "_lock") {
                found.locks.extend(self.lock_in(lock));
            }
        }
    }

    /// The locks of the handlers in the set of `logging`.
    fn add_locks_of_logging(&self, handlers: usize, found: &mut Found) {
        let Some(references) = self.value(&self.attributes(handlers), "data") else {
            return;
        };
        for reference in self.members(references) {
            let handler = self.pointer_in(reference, REFERENT);
            let lock = handler.and_then(|handler| self.value(&self.attributes(handler), "lock"));
            found.locks.extend(lock.and_then(|lock| self.lock_in(lock)));
        }
    }

    fn name_of_type(&self, object: usize) -> Option<String> {
        self.type_name(self.type_of(object)?)
    }
}

/// Whether a function that names this makes locks anew.
fn makes_anew(name: &str, depth: usize) -> bool {
    MAKERS.contains(&name) || depth == 0 && name == RELEASE
}
