//! What a lock is called wherever it is met: the way to it from a variable of a module, which lives longest.
//!
//! The modules are those of the threads' frames, then those that these refer to. `Vault.door of bank.vault` is an attribute of an
//! object in a variable; `logging.root.handlers[0].lock` is any longer way.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::Frame;
use super::layout::INTERPRETER;
use super::object::{MAX_ENTRIES, Objects};
use super::path::{Reached, Step};
use super::search::Named;

/// The most steps: `root`, `root.handlers`, `root.handlers[0]`, `root.handlers[0].queue`, `root.handlers[0].queue.mutex`.
const MAX_DEPTH: usize = 5;
/// The most modules of frames, and as many others.
const MAX_MODULES: usize = 48;
/// The most objects looked at in either, and the most of them whose parts are looked at.
const MAX_OBJECTS: usize = 3000;
const MAX_WITH_PARTS: usize = 300;
/// Modules: the dictionary of variables.
const VARIABLES: usize = 16;
/// Modules that refer to all others, or to all threads: only their own variables count.
const REFER_TO_ALL: &[&str] = &["sys", "builtins", "threading", "gc", "weakref"];

/// A module.
struct Module {
    name: String,
    /// The names and values of its variables.
    variables: Vec<(usize, usize)>,
    /// Whether a frame's function is its own.
    has_frame: bool,
}

impl Objects {
    /// The locks among `wanted` that modules lead to. `state` is that of a thread of the interpreter, `frames` are those of all threads
    /// that matter.
    pub fn lasting_names(&self, state: usize, frames: &[Frame], wanted: &BTreeSet<usize>) -> BTreeMap<usize, Named> {
        let mut names = BTreeMap::new();
        let mut known = BTreeSet::new();
        let mut read = |places: Vec<usize>, has_frame| -> Vec<Module> {
            let new = places.into_iter().filter(|&variables| known.insert(variables));
            new.take(MAX_MODULES)
                .filter_map(|variables| self.module_of(variables, has_frame))
                .collect()
        };
        let of_frames = read(frames.iter().filter_map(|&frame| self.module(frame)).collect(), true);
        self.add_lasting(state, &of_frames, wanted, &mut names);
        if names.len() < wanted.len() {
            let values = of_frames.iter().flat_map(|module| &module.variables);
            let modules = values.filter(|(_, value)| self.is_module(*value));
            let referred = modules.filter_map(|(_, module)| self.pointer_in(*module, VARIABLES));
            let referred = read(referred.collect(), false);
            self.add_lasting(state, &referred, wanted, &mut names);
        }
        names
    }

    fn module_of(&self, variables: usize, has_frame: bool) -> Option<Module> {
        let variables = self.entries(variables, MAX_ENTRIES);
        Some(Module {
            name: self.module_name(&variables)?,
            variables,
            has_frame,
        })
    }

    /// The name of the module with these variables; of the program's own, that of its file.
    pub(super) fn module_name(&self, variables: &[(usize, usize)]) -> Option<String> {
        let text = |name| self.text(self.value(variables, name)?);
        let name = text("__name__")?;
        if name != "__main__" {
            return Some(name);
        }
        let file = text("__file__").unwrap_or(name);
        let file = file.rsplit('/').next().unwrap_or_default();
        Some(file.strip_suffix(".py").unwrap_or(file).to_owned())
    }

    fn is_module(&self, object: usize) -> bool {
        let is_module = |of| self.type_name(of).as_deref() == Some("module");
        self.type_of(object)
            .is_some_and(|of| self.known.module_types.get(of, || is_module(of)))
    }

    /// Adds the locks that are reached from these modules, each with the way of the fewest steps.
    fn add_lasting(
        &self,
        state: usize,
        modules: &[Module],
        wanted: &BTreeSet<usize>,
        names: &mut BTreeMap<usize, Named>,
    ) {
        let (mut reached, mut owners) = (Vec::new(), Vec::new());
        for module in modules {
            for &(name, object) in &module.variables {
                reached.push(Reached::variable(name, object, 1));
                owners.push(module);
            }
        }
        let (mut seen, mut with_parts, mut number) = (BTreeSet::new(), 0, 0);
        while let Some(&Reached { object, depth, .. }) = reached.get(number) {
            if seen.len() >= MAX_OBJECTS || with_parts >= MAX_WITH_PARTS {
                return;
            }
            if seen.insert(object) {
                match self.lock_in(object) {
                    Some(address) if wanted.contains(&address) && !names.contains_key(&address) => {
                        let name = self.lasting_name(state, &owners, &reached, number);
                        names.extend(name.map(|name| (address, self.lock_named(address, object, name))));
                        if names.len() == wanted.len() {
                            return;
                        }
                    }
                    Some(_) => {}
                    None if depth < MAX_DEPTH => {
                        let parts = self.lasting_parts(&owners, &reached, number);
                        with_parts += usize::from(!parts.is_empty());
                        let further = parts.into_iter().map(|part| Self::further(&reached, number, part));
                        let further: Vec<_> = further.collect();
                        reached.extend(further);
                    }
                    None => {}
                }
            }
            number += 1;
        }
    }

    /// What of an object may lead to a lock that is called by this way.
    fn lasting_parts(&self, owners: &[&Module], reached: &[Reached], number: usize) -> Vec<(Step, usize)> {
        let Some((of, entry)) = reached
            .get(number)
            .and_then(|entry| Some((self.type_of(entry.object)?, entry)))
        else {
            return Vec::new();
        };
        let types = &self.interpreter.types;
        let owner = owners.get(number).filter(|_| entry.from.is_none());
        if owner.is_some_and(|owner| REFER_TO_ALL.contains(&&*owner.name)) {
            return Vec::new();
        }
        if of == types.meta {
            let is_of_frame = owner.is_some_and(|owner| owner.has_frame);
            return if is_of_frame {
                self.shared_by_class(entry.object)
            } else {
                Vec::new()
            };
        }
        if !self.holds_data(entry.object, of) && of != types.tuple {
            return Vec::new();
        }
        let mut parts = self.parts(entry.object);
        if self.known.thread_types.get(of, || self.is_thread(entry.object)) {
            // A thread refers to what it was started with, which has other names.
            let is_private = |name| self.text(name).is_none_or(|name| name.starts_with('_'));
            parts.retain(|(step, _)| !matches!(step, Step::Attribute(name) if is_private(*name)));
        }
        parts
    }

    /// Whether an object is a `threading.Thread`, which its class says.
    fn is_thread(&self, object: usize) -> bool {
        let classes = self.classes_of(object);
        classes
            .iter()
            .any(|&class| self.type_name(class).as_deref() == Some("Thread"))
    }

    /// The name of this entry.
    fn lasting_name(&self, state: usize, owners: &[&Module], reached: &[Reached], number: usize) -> Option<String> {
        let places = Self::places(reached, number);
        let (first, steps) = places.split_first()?;
        let (module, entry) = (owners.get(*first)?, reached.get(*first)?);
        let home = if steps.is_empty() {
            None
        } else {
            self.home(state, module, entry.object)
        };
        let root = home.unwrap_or_else(|| format!("{}.{}", module.name, self.in_words(reached, &[*first])));
        let way = self.in_words(reached, steps);
        let are_attributes = !steps.is_empty() && Self::attributes_at_end(reached, &places) == steps.len();
        let class = self.class_of(entry.object).filter(|_| are_attributes);
        Some(match class {
            Some((class, _)) => format!("{class}{way} of {root}"),
            None => format!("{root}{way}"),
        })
    }

    /// The variable with this object in the module of its class, where another module has the object, too.
    fn home(&self, state: usize, module: &Module, object: usize) -> Option<String> {
        let (_, name) = self.class_of(object).filter(|(_, name)| *name != module.name)?;
        let interpreter = self.pages.pointer(state + INTERPRETER)?;
        let modules = self
            .pages
            .pointer(interpreter.checked_add(self.layout.runtime?.modules)?)?;
        let home = self.value(&self.entries(modules, MAX_ENTRIES), &name)?;
        let variables = self.is_module(home).then(|| self.pointer_in(home, VARIABLES))??;
        let variables = self.entries(variables, MAX_ENTRIES);
        let (variable, _) = variables.into_iter().find(|&(_, value)| value == object)?;
        Some(format!("{name}.{}", self.text(variable)?)).filter(|_| name != "__main__")
    }
}
