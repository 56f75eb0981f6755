//! What is known of each minor version, a file for each, which holds data and nothing else. `tests/cpython_versions.rs` compares
//! it with what each interpreter of this machine says of itself.

mod v3_10;
mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;
mod v3_6;
mod v3_7;
mod v3_8;
mod v3_9;

use super::build::{Build, WithoutLock};
use super::debug_offsets::DebugOffsets;
use super::interpreter::Interpreter;
use super::layout::{Innermost, Instruction, Layout, Runtime, Variables};
use super::opcodes::Opcodes;

/// One minor version.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The 13 of 3.13.
    pub minor: u32,
    /// The instruction that calls `__enter__` for a `with` block; `None` where that takes several.
    pub enters_block: Option<u8>,
    /// What differs in builds without an interpreter lock; `None` in versions that have no such builds.
    pub without_lock: Option<WithoutLock>,
    /// The offsets, in a build with an interpreter lock.
    pub layout: Layout,
    /// The instructions that matter; `None` if none are needed.
    pub opcodes: Option<Opcodes>,
}

/// All that are known.
pub const ALL: [&Version; 10] = [
    &v3_6::VERSION,
    &v3_7::VERSION,
    &v3_8::VERSION,
    &v3_9::VERSION,
    &v3_10::VERSION,
    &v3_11::VERSION,
    &v3_12::VERSION,
    &v3_13::VERSION,
    &v3_14::VERSION,
    &v3_15::VERSION,
];

/// This minor version; `None` where it is not known.
pub fn of(minor: u32) -> Option<&'static Version> {
    ALL.into_iter().find(|version| version.minor == minor)
}

/// The layout of an interpreter, in which its own table for debuggers goes first; `None` where its version is not known.
pub fn layout_of(interpreter: &Interpreter) -> Option<Layout> {
    let version = of(interpreter.minor)?;
    let known = if interpreter.has_lock() {
        version.layout
    } else {
        version.without_lock?.layout(version.layout)
    };
    Some(match &interpreter.offsets {
        Some(offsets) => with(known, offsets),
        None => known,
    })
}

/// How the objects of an interpreter are read; `None` where its version is not known.
pub fn build_of(interpreter: &Interpreter) -> Option<Build> {
    let version = of(interpreter.minor)?;
    if interpreter.has_lock() {
        return Some(Build::WITH_LOCK);
    }
    Some(version.without_lock?.build())
}

fn with(known: Layout, offsets: &DebugOffsets) -> Layout {
    Layout {
        innermost: Innermost::Here(offsets.innermost),
        thread_id: offsets.thread_id,
        runtime: Some(Runtime {
            interpreters: offsets.interpreters,
            next_interpreter: offsets.next_interpreter,
            first_thread: offsets.first_thread,
            modules: offsets.modules,
        }),
        back: offsets.back,
        code: offsets.code,
        instruction: Instruction::Address(offsets.instruction, offsets.instructions),
        locals: offsets.locals,
        owner: Some(offsets.owner),
        file: offsets.file,
        name: offsets.name,
        variables: Variables::One(offsets.variables),
        first_line: offsets.first_line,
        lines: (known.lines.0, offsets.lines),
        own_locks_since: known.own_locks_since.filter(|&since| offsets.version >= since),
        ..known
    }
}
