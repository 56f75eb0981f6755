//! Every CPython of this machine, looked into while it runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::resolver::{Naming, Resolver};

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
            // In pyenv's builds `fork_exec` is in a library of its own.
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
