//! CPython 3.12.

use super::Version;
use crate::cpython::layout::{
    Attributes, BlockTable, Blocks, Exit, Function, Innermost, Instruction, Keys, Layout, Lines, Runtime, Variables,
};

/// What is known of it.
pub const VERSION: Version = Version {
    minor: 12,
    enters_block: Some(53),
    layout: Layout {
        innermost: Innermost::Behind(56, 0),
        thread_id: 136,
        runtime: Some(Runtime {
            interpreters: 40,
            next_interpreter: 0,
            first_thread: 72,
            modules: 944,
        }),
        back: 8,
        code: 0,
        globals: 24,
        instruction: Instruction::Address(56, 192),
        locals: 72,
        owner: Some(70),
        is_tagged: false,
        file: 112,
        name: 128,
        is_qualified: true,
        names: 32,
        variables: Variables::One(96),
        first_line: 68,
        lines: (Lines::Locations, 136),
        first_traceable: Some(176),
        blocks: Blocks::Table(BlockTable {
            exit: Exit::Bound,
            exceptions: 40,
            variable_count: 72,
            stack_size: 64,
            generator_state: 67,
            generator_frame: 72,
        }),
        own_locks_since: None,
        function_name: 32,
        function: Function {
            code: 48,
            globals: 16,
            closure: 72,
        },
        child_handlers: Some(3888),
        elements: 24,
        ascii: 40,
        compact: 56,
        shared_keys: Some(880),
        keys: Keys::New,
        attributes: Attributes::OnePointer,
    },
    opcodes: None,
};
