//! Facts about CPython from its file and memory alone: no call into it, no interpreter lock.
//!
//! The verdict asks these, in the parent or in a forked child. All reads are guarded. It must not follow the
//! interpreter's own structures: their layout changes with every version, while a name in a method table does not.

use core::ops::Range;
use std::collections::BTreeMap;

use super::memory::ProcessMemory;
use super::module::Module;
use super::modules::Modules;
use super::symbols::{Table, addresses_of};
use super::unwind_tables::UnwindTables;

/// The most places of one name that are kept; compilers merge equal strings, so that one is usual.
const MAX_PLACES: usize = 64;

/// The interpreter in a process. It stays valid while the process lives: nobody unloads CPython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CPython {
    /// The path of the module it lies in.
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
            let symbol = |name| {
                let place =
                    addresses_of(&image, Table::Exported, name).or_else(|| addresses_of(&image, Table::Full, name))?;
                let address = |value| {
                    usize::try_from(value)
                        .ok()
                        .map(|value: usize| module.base().wrapping_add(value))
                };
                Some(address(place.start)?..address(place.end)?)
            };
            // Until 3.6 there was no one object with all state.
            let runtime = symbol(b"_PyRuntime");
            if runtime.is_some() || symbol(b"Py_Initialize").is_some() {
                return Some(Self {
                    path: module.path().to_vec(),
                    runtime,
                });
            }
        }
        None
    }

    /// The path of the module that the interpreter lies in.
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

    /// The C functions that implement the builtin methods `names`, one answer for each, in one pass over the interpreter's
    /// memory; `None` where no method table has the name. Works in an interpreter without symbols too, because method
    /// tables (`PyMethodDef`: name, function, flags, documentation) must carry names. The answer is the code of the method
    /// itself: what it calls may lie outside, or have been inlined, and parts that the compiler thinks cold do.
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

/// Where in the module each of `names` stands with a NUL behind it: address to place in `names`. A name may be the end of a
/// longer string, as linkers merge such.
fn places_of(modules: &Modules, index: usize, names: &[&str]) -> BTreeMap<usize, usize> {
    let longest = names.iter().map(|name| name.len() + 1).max().unwrap_or(1);
    let mut places = BTreeMap::new();
    // Old linkers put constants beside the code; only where nothing was found elsewhere are those pages read.
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

/// Shows where in `bytes` which of `names` stands with a NUL behind it to `see`: offset and place in `names`.
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

/// The start of the function in the method table's row at `place`; `None` where no such row stands there.
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
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::super::resolver::{Naming, Resolver};
    use super::*;

    const METHODS: [&str; 4] = ["_set_sentinel", "fork_exec", "fork", "forkpty"];

    /// What CPython's sources call the functions of [`METHODS`], over all versions.
    const FUNCTIONS: [&[&str]; 4] = [
        &["thread__set_sentinel", "thread_PyThread__set_sentinel"],
        &["subprocess_fork_exec", "_posixsubprocess_fork_exec"],
        &["os_fork"],
        &["os_forkpty"],
    ];

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    /// A running `python` with its modules, and where its functions are.
    fn start(python: &str) -> Option<(Running, Modules, Vec<usize>)> {
        // The interpreter's own word on where its functions are: PyCFunctionObject.m_ml, PyMethodDef.ml_meth.
        let script = "
import sys, posix, _thread, _posixsubprocess
def address(module, name):
    try:
        from ctypes import c_void_p
        row = c_void_p.from_address(id(getattr(module, name)) + 16).value
        return c_void_p.from_address(row + 8).value
    except (AttributeError, ImportError):
        return 0
print(address(_thread, '_set_sentinel'), address(_posixsubprocess, 'fork_exec'),
      address(posix, 'fork'), address(posix, 'forkpty'), flush=True)
sys.stdin.read()";
        let mut command = Command::new(python);
        command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Running(command.spawn().ok()?);
        let mut said = String::new();
        BufReader::new(child.0.stdout.take()?).read_line(&mut said).ok()?;
        let truth = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let pid = child.0.id();
        let text = std::fs::read(format!("/proc/{pid}/maps")).ok()?;
        let memory = ProcessMemory::of(pid.try_into().unwrap()).unwrap();
        Some((child, Modules::from_text(&text, memory), truth))
    }

    /// Every CPython 3 of this machine.
    fn pythons() -> Vec<String> {
        let mut found = vec!["/usr/bin/python3".to_owned()];
        let versions = format!("{}/.pyenv/versions", std::env::var("HOME").unwrap_or_default());
        let folders = std::fs::read_dir(versions).into_iter().flatten().flatten();
        found.extend(folders.map(|folder| format!("{}/bin/python3", folder.path().display())));
        found.retain(|python| std::fs::exists(python).unwrap_or(false));
        found.sort();
        found
    }

    #[test]
    fn names_are_found_at_the_end_of_longer_strings_too() {
        let mut found = Vec::new();
        each_name(
            b"fork\0os.fork\0forks\0forkpty\0",
            &["fork", "forkpty"],
            |offset, number| {
                found.push((offset, number));
            },
        );
        assert_eq!(found, [(0, 0), (8, 0), (19, 1)]);
    }

    #[test]
    fn every_installed_interpreter_is_understood() {
        for python in pythons() {
            let (_running, modules, truth) = start(&python).unwrap();
            let begun = std::time::Instant::now();
            let cpython = CPython::find(&modules).unwrap_or_else(|| panic!("{python}"));
            let found_after = begun.elapsed();
            let functions = cpython.method_functions(&modules, &METHODS);
            let methods_after = begun.elapsed() - found_after;
            let runtime = cpython.runtime_range();
            let memory = modules.memory();
            let mut resolver = Resolver::with_modules(Naming::Names, modules);
            eprintln!("{python}: found after {found_after:?}, methods after {methods_after:?}, runtime {runtime:?}");
            let module = resolver
                .modules()
                .all()
                .iter()
                .position(|module| module.path() == cpython.path());
            for (((function, known), method), truth) in functions.iter().zip(FUNCTIONS).zip(METHODS).zip(truth) {
                let start = function.as_ref().map(|function| function.start);
                // In pyenv's builds `fork_exec` lies in a library of its own.
                let builtin = resolver.modules().index_of(truth) == module;
                assert!(
                    start == builtin.then_some(truth) || start.is_some() && truth == 0,
                    "{python} {method}"
                );
                if let Some(name) = start.and_then(|start| resolver.name_of_function(start)) {
                    assert!(known.contains(&name.as_str()), "{python} {name}");
                }
            }
            if let Some(runtime) = runtime {
                let memory_holds = |address| cpython.pointed_to_by_runtime(memory, address);
                let word = memory.word(runtime.start + ((runtime.len() / 2) & !7)).unwrap();
                assert!(memory_holds(word));
                assert!(!memory_holds(0x1234_5678_9abc_def0));
            }
        }
    }
}
