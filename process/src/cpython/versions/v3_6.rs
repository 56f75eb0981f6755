//! CPython 3.6.
//! The list of its interpreters is not part of an object that a symbol names.

use super::Version;
use crate::cpython::layout::{
    Attributes, BlockStack, Blocks, Function, Innermost, Instruction, Keys, Layout, Lines, Variables,
};
use crate::cpython::opcodes::Opcodes;

/// What is known of it.
pub const VERSION: Version = Version {
    minor: 6,
    enters_block: Some(143),
    without_lock: None,
    layout: Layout {
        innermost: Innermost::Here(24),
        thread_id: 152,
        runtime: None,
        back: 24,
        code: 32,
        globals: 48,
        instruction: Instruction::Number(120, 1),
        locals: 376,
        owner: None,
        is_tagged: false,
        file: 96,
        name: 104,
        is_qualified: false,
        names: 56,
        variables: Variables::Three(64, 80, 72),
        first_line: 36,
        lines: (Lines::Pairs, 112),
        first_traceable: None,
        blocks: Blocks::Stack(BlockStack {
            count: 128,
            blocks: 136,
            values: 64,
        }),
        own_locks_since: None,
        function_name: 64,
        function: Function {
            code: 16,
            globals: 24,
            closure: 48,
        },
        child_handlers: None,
        elements: 24,
        ascii: 48,
        compact: 72,
        shared_keys: None,
        keys: Keys::Old,
        attributes: Attributes::Dictionary,
    },
    opcodes: Some(Opcodes {
        extended: &[144],
        attribute: &[(106, 106)],
        attribute_flags: 0,
        global_flags: 0,
        global: &[(116, 116)],
        name: 101,
        variable: &[(124, 124)],
        shared_variable: Some(136),
        two_variables: &[],
        call: &[(131, 131), (141, 141)],
        spaces: &[],
        foreign: &[],
    }),
};
