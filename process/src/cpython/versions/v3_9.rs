//! CPython 3.9.

use super::Version;
use crate::cpython::layout::{
    Attributes, BlockStack, Blocks, Function, Innermost, Instruction, Keys, Layout, Lines, Runtime, Variables,
};
use crate::cpython::opcodes::Opcodes;

/// What is known of it.
pub const VERSION: Version = Version {
    minor: 9,
    enters_block: Some(143),
    without_lock: None,
    layout: Layout {
        innermost: Innermost::Here(24),
        thread_id: 176,
        runtime: Some(Runtime {
            interpreters: 32,
            next_interpreter: 0,
            first_thread: 8,
            modules: 856,
        }),
        back: 24,
        code: 32,
        globals: 48,
        instruction: Instruction::Number(104, 1),
        locals: 360,
        owner: None,
        is_tagged: false,
        file: 104,
        name: 112,
        is_qualified: false,
        names: 64,
        variables: Variables::Three(72, 88, 80),
        first_line: 40,
        lines: (Lines::Pairs, 120),
        first_traceable: None,
        blocks: Blocks::Stack(BlockStack {
            count: 112,
            blocks: 120,
            values: 64,
        }),
        own_locks_since: None,
        function_name: 64,
        function: Function {
            code: 16,
            globals: 24,
            closure: 48,
        },
        child_handlers: Some(3472),
        elements: 24,
        ascii: 48,
        compact: 72,
        shared_keys: None,
        keys: Keys::Old,
        attributes: Attributes::Dictionary,
    },
    opcodes: Some(Opcodes {
        extended: &[144],
        attribute: &[(106, 106), (160, 160)],
        attribute_flags: 0,
        global_flags: 0,
        global: &[(116, 116)],
        name: 101,
        variable: &[(124, 124)],
        shared_variable: Some(136),
        two_variables: &[],
        call: &[(131, 131), (141, 141), (161, 161)],
        spaces: &[],
        foreign: &[],
    }),
};
