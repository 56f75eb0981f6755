//! Builtin functions and methods: where the interpreter keeps the C functions that it calls for them.

use super::layout::INTERPRETER;
use super::object::{MAX_ENTRIES, Objects};

/// Types: the table of their own methods (`tp_methods`), which ends with one that has no name.
const METHODS: usize = 232;
/// The most methods of a type.
const MAX_METHODS: usize = 64;
/// `PyMethodDef`: the function, the flags, and how long it is; the name comes first.
const FUNCTION: usize = 8;
const FLAGS: usize = 16;
const DEFINITION: usize = 32;
/// Builtin functions: their `PyMethodDef`.
const DEFINED_BY: usize = 16;
/// Modules: the dictionary of variables.
const VARIABLES: usize = 16;

/// A builtin function or method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Where the address of its C function is.
    pub place: usize,
    /// How that function is called (`METH_*`).
    pub flags: i32,
}

impl Objects {
    /// Where a tuple has its first element, in bytes from its beginning.
    pub fn elements_of_tuple(&self) -> usize {
        self.layout.elements
    }

    /// The variable with this name of a module that is imported. `state` is that of a thread of the interpreter.
    pub fn variable_of(&self, state: usize, module: &str, name: &str) -> Option<usize> {
        let interpreter = self.pages.pointer(state + INTERPRETER)?;
        let modules = self
            .pages
            .pointer(interpreter.checked_add(self.layout.runtime?.modules)?)?;
        let module = self.value(&self.entries(modules, MAX_ENTRIES), module)?;
        let variables = self.pointer_in(module, VARIABLES)?;
        self.value(&self.entries(variables, MAX_ENTRIES), name)
    }

    /// Whether the class is one of locks that have a state of their own.
    pub fn is_class_of_own_locks(&self, class: usize) -> bool {
        self.lock_class(class).is_some_and(|class| !class.has_semaphore)
    }

    /// The method with this name of a builtin class.
    pub fn builtin_method(&self, class: usize, name: &str) -> Option<Builtin> {
        let methods = self.pointer_in(class, METHODS)?;
        for number in 0..MAX_METHODS {
            let definition = methods.checked_add(number * DEFINITION)?;
            if self.c_string(self.pages.pointer(definition)?)? == name {
                return self.builtin(definition);
            }
        }
        None
    }

    /// The builtin function that is this object, if it has this name.
    pub fn builtin_function(&self, object: usize, name: &str) -> Option<Builtin> {
        let definition = self.pointer_in(object, DEFINED_BY)?;
        let is_it = self.c_string(self.pages.pointer(definition)?)? == name;
        is_it.then(|| self.builtin(definition))?
    }

    fn builtin(&self, definition: usize) -> Option<Builtin> {
        Some(Builtin {
            place: definition.checked_add(FUNCTION)?,
            flags: self.pages.int(definition.checked_add(FLAGS)?)?,
        })
    }
}
