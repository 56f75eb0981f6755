//! CPython 3.11.

use super::Version;
use crate::cpython::layout::{
    Attributes, BlockTable, Blocks, Exit, Function, Innermost, Instruction, Keys, Layout, Lines, Runtime, Variables,
};

/// What is known of it.
pub const VERSION: Version = Version {
    minor: 11,
    enters_block: Some(53),
    layout: Layout {
        innermost: Innermost::Behind(56, 8),
        thread_id: 152,
        runtime: Some(Runtime {
            interpreters: 40,
            next_interpreter: 0,
            first_thread: 16,
            modules: 888,
        }),
        back: 48,
        code: 32,
        globals: 8,
        instruction: Instruction::Address(56, 184),
        locals: 72,
        owner: None,
        is_tagged: false,
        file: 112,
        name: 128,
        is_qualified: true,
        names: 32,
        variables: Variables::One(96),
        first_line: 72,
        lines: (Lines::Locations, 136),
        first_traceable: Some(168),
        blocks: Blocks::Table(BlockTable {
            exit: Exit::Bound,
            exceptions: 40,
            variable_count: 76,
            stack_size: 68,
            generator_state: 75,
            generator_frame: 80,
        }),
        own_locks_since: None,
        function_name: 32,
        function: Function {
            code: 48,
            globals: 16,
            closure: 72,
        },
        child_handlers: Some(3496),
        elements: 24,
        ascii: 48,
        compact: 72,
        shared_keys: Some(872),
        keys: Keys::New,
        attributes: Attributes::TwoPointers,
    },
    opcodes: None,
};
