//! Builds with an interpreter lock and builds without one: where the same version's structures differ.
//!
//! Without that lock the head of each object is longer, so that all its parts lie further behind; a thread may run a copy of its own of a
//! function's code; and for a fork, the interpreter stops all other threads that run Python code.

use super::layout::{Blocks, Function, Instruction, Layout, Variables};

/// How many bytes longer an object's head is without an interpreter lock.
const LONGER_HEAD: usize = 16;

/// What stops the threads of all interpreters (`_stoptheworld_state`): the offset of the byte that says whether they are stopped.
pub const IS_STOPPED: usize = 2;
/// The offset of the byte that says whether all interpreters are meant.
pub const IS_FOR_ALL: usize = 3;
/// The offset of the number of threads that still run.
pub const RUNNING: usize = 8;
/// The offset of the state of the thread that has stopped the others.
pub const STOPPED_BY: usize = 16;

/// How the objects of a build are read, apart from its layout.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// How many bytes longer than with an interpreter lock an object's head is. The offsets of parts, where they are constants, are
    /// those with such a lock.
    pub longer_head: usize,
    /// How far before an object its dictionary is named, where it is named there.
    pub dict_before: usize,
    /// `str`: the byte with its form, and the lowest bit of the form.
    pub form: (usize, u32),
    /// Which copy of its code a frame runs; `None` where there is only one.
    pub copies: Option<Copies>,
}

impl Build {
    /// One with an interpreter lock.
    pub const WITH_LOCK: Self = Self {
        longer_head: 0,
        dict_before: 24,
        form: (32, 2),
        copies: None,
    };
}

/// How a frame names the copy of its code that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Frames: the copy's number; 0 is the code itself.
    pub number: usize,
    /// Code objects: the table of copies, which has their addresses behind a word.
    pub table: usize,
}

/// What is known of a version's builds without an interpreter lock, apart from the longer heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithoutLock {
    /// Interpreters: the list of the functions that a child calls.
    pub child_handlers: usize,
    /// `str`: the byte with its form, and the lowest bit of the form.
    pub form: (usize, u32),
    /// Frames: which copy of its code they run; `None` in versions without copies.
    pub copies: Option<Copies>,
}

impl WithoutLock {
    /// How objects of such a build are read.
    pub fn build(&self) -> Build {
        Build {
            longer_head: LONGER_HEAD,
            dict_before: 8,
            form: self.form,
            copies: self.copies,
        }
    }

    /// The layout of such a build, from that of the same version with an interpreter lock. What belongs to no object is in the interpreter's
    /// own table for debuggers, which goes before this.
    pub fn layout(&self, with_lock: Layout) -> Layout {
        let further = |offset: usize| offset + LONGER_HEAD;
        Layout {
            is_tagged: true,
            file: further(with_lock.file),
            name: further(with_lock.name),
            names: further(with_lock.names),
            variables: match with_lock.variables {
                Variables::One(all) => Variables::One(further(all)),
                three @ Variables::Three(..) => three,
            },
            first_line: further(with_lock.first_line),
            lines: (with_lock.lines.0, further(with_lock.lines.1)),
            first_traceable: with_lock.first_traceable.map(further),
            instruction: match with_lock.instruction {
                Instruction::Address(place, start) => Instruction::Address(place, further(start)),
                number @ Instruction::Number(..) => number,
            },
            blocks: match with_lock.blocks {
                Blocks::Table(mut table) => {
                    for place in [
                        &mut table.exceptions,
                        &mut table.variable_count,
                        &mut table.stack_size,
                        &mut table.generator_state,
                        &mut table.generator_frame,
                    ] {
                        *place = further(*place);
                    }
                    Blocks::Table(table)
                }
                stack @ Blocks::Stack(_) => stack,
            },
            function_name: further(with_lock.function_name),
            function: Function {
                code: further(with_lock.function.code),
                globals: further(with_lock.function.globals),
                closure: further(with_lock.function.closure),
            },
            child_handlers: Some(self.child_handlers),
            elements: further(with_lock.elements),
            ascii: further(with_lock.ascii),
            compact: further(with_lock.compact),
            shared_keys: with_lock.shared_keys.map(further),
            ..with_lock
        }
    }
}
