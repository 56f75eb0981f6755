//! Facts about CPython, from only its file and memory: no call into it, no interpreter lock.
//!
//! All reads are guarded. It must not follow the interpreter's own structures: their layout changes with every version, while a
//! name in a method table does not.

use core::ffi::CStr;
use core::ops::Range;
use std::collections::BTreeMap;

use super::debug_offsets::DebugOffsets;
use super::interpreter::{Interpreter, Types};
use crate::elf_image::Image;
use crate::memory::ProcessMemory;
use crate::module::Module;
use crate::modules::Modules;
use crate::symbols::{Table, addresses_of};
use crate::unwind::UnwindTables;

/// The most places of one name that are kept; compilers merge equal strings, so that one is usual.
const MAX_PLACES: usize = 64;

/// The interpreter in a process. It stays valid while the process lives: CPython is never unloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CPython {
    /// The path of the module it is in.
    path: Vec<u8>,
    runtime: Option<Range<usize>>,
}

impl CPython {
    /// The interpreter among `modules`, linked into the program or in its library; `None` where there is none.
    pub fn find(modules: &Modules) -> Option<Self> {
        let named = |module: &&Module| {
            let name = module.base_name();
            name.starts_with("libpython") || name.starts_with("python")
        };
        // Programs that embed it statically have other names; the program is the first module but for rare layouts.
        let candidates = modules.all().iter().filter(named).chain(modules.all().first());
        for module in candidates {
            let Some(image) = module.open(modules.memory()) else {
                continue;
            };
            // Until 3.6 there was no one object with all state.
            let runtime = symbol(module, &image, b"_PyRuntime");
            if runtime.is_some() || symbol(module, &image, b"Py_Initialize").is_some() {
                return Some(Self {
                    path: module.path().to_vec(),
                    runtime,
                });
            }
        }
        None
    }

    /// The interpreter, as its file describes it; `None` where that has no symbols, or shows no version. A process that can be asked knows
    /// better.
    pub fn interpreter(&self, modules: &Modules) -> Option<Interpreter> {
        /// The first version with a table for debuggers.
        const FIRST_WITH_TABLE: u32 = 13;
        let memory = modules.memory();
        let module = modules.all().iter().find(|module| module.path() == self.path)?;
        let image = module.open(memory)?;
        let address_of = |name: &CStr| Some(symbol(module, &image, name.to_bytes())?.start);
        let table = self
            .runtime
            .as_ref()
            .and_then(|runtime| debug_offsets(memory, runtime.start));
        let minor = match (&table, address_of(c"Py_Version")) {
            (Some(table), _) => table.minor(),
            // `PY_VERSION_HEX`, since 3.11.
            (None, Some(version)) => u32::try_from(memory.word(version)? >> 16 & 0xff).ok()?,
            (None, None) => minor_in_names(modules)?,
        };
        (table.is_some() || minor < FIRST_WITH_TABLE).then_some(())?;
        Some(Interpreter {
            minor,
            types: Types::by_name(address_of)?,
            offsets: table,
        })
    }

    /// The path of the module that the interpreter is in.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The addresses of the object `_PyRuntime`, which holds the interpreter's own locks; `None` before 3.7.
    pub fn runtime_range(&self) -> Option<Range<usize>> {
        self.runtime.clone()
    }

    /// Whether the `_PyRuntime` object holds a pointer to `address`: then the lock there is the interpreter's own.
    pub fn pointed_to_by_runtime(&self, memory: ProcessMemory, address: usize) -> bool {
        let Some(runtime) = &self.runtime else {
            return false;
        };
        let mut found = false;
        memory.each_word(runtime.clone(), |_, word| found |= word == address);
        found
    }

    /// Whether a variable of the interpreter's own C code holds a pointer to `address`. Locks of Python programs are pointed to
    /// by objects, which are on the heap.
    pub fn pointed_to_by_variable(&self, modules: &Modules, address: usize) -> bool {
        let index = modules.all().iter().position(|module| module.path() == self.path);
        let mut found = false;
        for (part, _) in index
            .into_iter()
            .flat_map(|index| modules.parts(index))
            .filter(|(_, writable)| *writable)
        {
            modules.memory().each_word(part, |_, word| found |= word == address);
        }
        found
    }

    /// The code of the function of this name, which the interpreter exports; `None` where it has none.
    pub fn function(&self, modules: &Modules, name: &CStr) -> Option<Range<usize>> {
        let module = modules.all().iter().find(|module| module.path() == self.path)?;
        let image = module.open(modules.memory())?;
        symbol(module, &image, name.to_bytes())
    }

    /// The C functions that implement the builtin methods `names`, one answer for each, in one pass over the interpreter's
    /// memory; `None` where no method table has the name. Works in an interpreter without symbols too, because method
    /// tables (`PyMethodDef`: name, function, flags, documentation) must carry names. The answer is the code of the method
    /// itself: what it calls may be outside, or have been inlined, and parts that the compiler thinks cold do.
    pub fn method_functions(&self, modules: &Modules, names: &[&str]) -> Vec<Option<Range<usize>>> {
        let mut functions: Vec<Option<Range<usize>>> = names.iter().map(|_| None).collect();
        let Some(index) = modules.all().iter().position(|module| module.path() == self.path) else {
            return functions;
        };
        let memory = modules.memory();
        let places = places_of(modules, index, names);
        let (Some((&first, _)), Some((&last, _))) = (places.first_key_value(), places.last_key_value()) else {
            return functions;
        };
        let tables = modules
            .all()
            .get(index)
            .and_then(|module| UnwindTables::of(module, memory));
        for (part, _) in modules
            .parts(index)
            .filter(|(part, _)| !modules.is_executable(part.start))
        {
            memory.each_word(part, |place, word| {
                // Nearly every word fails this, which is cheaper than the search.
                if !(first..=last).contains(&word) {
                    return;
                }
                if let Some(answer) = places.get(&word).and_then(|&name| functions.get_mut(name))
                    && answer.is_none()
                    && let Some(start) = function_of(modules, index, place)
                {
                    let code = tables.as_ref().and_then(|tables| tables.entry(start)?.code());
                    *answer = code.filter(|code| code.start == start);
                }
            });
        }
        functions
    }
}

/// The addresses of the function or object with this name.
fn symbol(module: &Module, image: &Image, name: &[u8]) -> Option<Range<usize>> {
    let place = addresses_of(image, Table::Exported, name).or_else(|| addresses_of(image, Table::Full, name))?;
    let address = |value| {
        let value = usize::try_from(value).ok();
        value.map(|value: usize| module.base().wrapping_add(value))
    };
    Some(address(place.start)?..address(place.end)?)
}

fn debug_offsets(memory: ProcessMemory, runtime: usize) -> Option<DebugOffsets> {
    let mut words = [0; DebugOffsets::WORDS];
    for (place, word) in words.iter_mut().enumerate() {
        *word = memory.word(runtime.checked_add(place * size_of::<u64>())?)? as u64;
    }
    DebugOffsets::parse(&words)
}

/// The version in file names: `python3.8`, `libpython3.8.so.1.0`, `_json.cpython-38-x86_64-linux-gnu.so`.
fn minor_in_names(modules: &Modules) -> Option<u32> {
    let number_after = |name: &str, mark: &str| {
        let rest = name.split_once(mark)?.1;
        let end = rest
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    };
    let names: Vec<String> = modules.all().iter().map(Module::base_name).collect();
    let marks = ["python3.", ".cpython-3"];
    marks
        .iter()
        .find_map(|mark| names.iter().find_map(|name| number_after(name, mark)))
}

/// Where in the module each of `names` occurs, followed by a NUL: address to index in `names`. A name may be the end of a
/// longer string, as linkers merge such.
fn places_of(modules: &Modules, index: usize, names: &[&str]) -> BTreeMap<usize, usize> {
    let longest = names.iter().map(|name| name.len() + 1).max().unwrap_or(1);
    let mut places = BTreeMap::new();
    // Old linkers put constants next to the code; those pages are only read if nothing was found elsewhere.
    for with_code in [false, true] {
        for (part, writable) in modules.parts(index) {
            if writable || modules.is_executable(part.start) != with_code {
                continue;
            }
            modules.memory().each_chunk(part, longest, |start, bytes| {
                each_name(bytes, names, |offset, number| {
                    if places.len() < MAX_PLACES * names.len() {
                        places.insert(start + offset, number);
                    }
                });
            });
        }
        if !places.is_empty() {
            break;
        }
    }
    places
}

/// Calls `see` for each of `names` that occurs in `bytes` followed by a NUL: offset and index in `names`.
fn each_name(bytes: &[u8], names: &[&str], mut see: impl FnMut(usize, usize)) {
    // Most NULs are passed over by the byte before them, which keeps the search through megabytes quick.
    let ends = |byte: &u8| names.iter().any(|name| name.as_bytes().last() == Some(byte));
    for (before, pair) in bytes.windows(2).enumerate() {
        let [last, 0] = pair else {
            continue;
        };
        if ends(last) {
            let text = bytes.get(..=before).unwrap_or_default();
            let found = names
                .iter()
                .enumerate()
                .filter(|(_, name)| text.ends_with(name.as_bytes()));
            found.for_each(|(number, name)| see(text.len() - name.len(), number));
        }
    }
}

/// The start of the function in the method table's row at `place`; `None` if there is no such row.
fn function_of(modules: &Modules, index: usize, place: usize) -> Option<usize> {
    const WORD: usize = size_of::<usize>();
    const KNOWN_FLAGS: usize = 0x0fff;
    let memory = modules.memory();
    let function = memory.word(place.checked_add(WORD)?)?;
    // An `int` and four bytes of padding, which static tables have as zero.
    let flags = memory.word(place.checked_add(2 * WORD)?)?;
    let documentation = memory.word(place.checked_add(3 * WORD)?)?;
    let is_row = modules.index_of(function) == Some(index)
        && modules.is_executable(function)
        && flags & !KNOWN_FLAGS == 0
        && flags != 0
        && (documentation == 0 || modules.index_of(documentation) == Some(index));
    is_row.then_some(function)
}

#[cfg(test)]
mod tests;
