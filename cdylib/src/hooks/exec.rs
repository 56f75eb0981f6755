//! The exec family, which ends all danger in a forked child. There may be any number of arguments, so each entry leaves them where
//! they are, notes the name of the program, and jumps on. In a `vfork` child it changes none of our state, and keeps errno.
#![expect(unsafe_code, reason = "hooks are C functions")]

use core::ffi::c_int;

use super::hooks;
use crate::watch::child::{self, Program};

hooks! {
    /// Executes a program by its path.
    jump hook execve = |path, _| executes(Program::Path(path));
    /// Executes a program by its path, with this program's environment.
    jump hook execv = |path, _| executes(Program::Path(path));
    /// Executes a program by its name.
    jump hook execvp = |name, _| executes(Program::Name(name));
    /// Executes a program by its name, with an environment.
    jump hook execvpe = |name, _| executes(Program::Name(name));
    /// Executes a program by its path, with arguments one by one.
    jump hook execl = |path, _| executes(Program::Path(path));
    /// Executes a program by its name, with arguments one by one.
    jump hook execlp = |name, _| executes(Program::Name(name));
    /// Executes a program by its path, with arguments one by one and an environment.
    jump hook execle = |path, _| executes(Program::Path(path));
    /// Executes the program that a descriptor is open for.
    jump hook fexecve = |descriptor, _| executes(Program::Descriptor(low_half(descriptor)));
    /// Executes a program by its path below a folder.
    jump hook execveat = |_, path| executes(Program::Path(path));
}

fn executes(program: Program) {
    if child::is_watched() {
        child::executes(program);
    }
}

/// An int argument: only the low half of the register is defined.
fn low_half(word: usize) -> c_int {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    c_int::from_ne_bytes([a, b, c, d])
}
