//! What a seccomp filter does with a system call, determined before the filter is installed.
//!
//! A filter is a classic BPF program (`linux/filter.h`) that reads the number and the arguments of a call. Its jumps only lead
//! forward. This follows each path through it for one number and any arguments.

use std::collections::BTreeSet;

/// One instruction: `struct sock_filter`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions are skipped where a comparison holds.
    pub if_true: u8,
    /// How many are skipped where it does not.
    pub if_false: u8,
    /// Its operand.
    pub operand: u32,
}

/// The most instructions of a filter (`BPF_MAXINSNS`).
pub const MAX_INSTRUCTIONS: usize = 4096;
/// After this many steps a filter counts as one that kills the program.
const MAX_STEPS: usize = 100_000;

/// `AUDIT_ARCH_X86_64`: the ELF machine, and bits for 64 bits and little endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
/// `AUDIT_ARCH_AARCH64`.
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

// What an instruction does, with its operand (`BPF_K`) or, one bit more, with the index register (`BPF_X`).
const LOAD_WORD_AT: u16 = 0x20;
const LOAD_IMMEDIATE: u16 = 0x00;
const LOAD_LENGTH: u16 = 0x80;
const LOAD_MEMORY: u16 = 0x60;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const JUMP_SET: u16 = 0x45;
const RETURN: u16 = 0x06;
const CLASS: u16 = 0x07;
const CLASS_COMPUTE: u16 = 0x04;
const CLASS_MISCELLANEOUS: u16 = 0x07;
const INDEX_TO_ACCUMULATOR: u16 = 0x87;

// What a filter returns; the rest of the word is data.
const ACTION: u32 = 0xffff_0000;
const ALLOW: u32 = 0x7fff_0000;
const LOG: u32 = 0x7ffc_0000;
const TRACE: u32 = 0x7ff0_0000;
const ERRNO: u32 = 0x0005_0000;

/// Whether the filter may kill the program at the call with this number, or pass the decision to another process.
pub fn may_kill(filter: &[Instruction], number: u32) -> bool {
    let mut seen = BTreeSet::new();
    // The instructions still to follow, each with the accumulator's value there, as far as it is known.
    let mut open = vec![(0_usize, None)];
    while let Some(state) = open.pop() {
        if !seen.insert(state) {
            continue;
        }
        let (place, accumulator) = state;
        let Some(instruction) = filter.get(place) else {
            return true;
        };
        if seen.len() > MAX_STEPS {
            return true;
        }
        let operand = instruction.operand;
        let mut go_on = |skipped: u32, accumulator| open.push((place + 1 + skipped as usize, accumulator));
        match instruction.code {
            RETURN => {
                if !matches!(operand & ACTION, ALLOW | LOG | TRACE | ERRNO) {
                    return true;
                }
            }
            LOAD_WORD_AT => {
                let loaded = match operand {
                    0 => Some(number),
                    4 => Some(ARCHITECTURE),
                    _ => None,
                };
                go_on(0, loaded);
            }
            LOAD_IMMEDIATE => go_on(0, Some(operand)),
            LOAD_LENGTH | LOAD_MEMORY | INDEX_TO_ACCUMULATOR => go_on(0, None),
            JUMP => go_on(operand, accumulator),
            JUMP_EQUAL | JUMP_GREATER | JUMP_GREATER_OR_EQUAL | JUMP_SET => {
                let holds = accumulator.map(|value| match instruction.code {
                    JUMP_EQUAL => value == operand,
                    JUMP_GREATER => value > operand,
                    JUMP_GREATER_OR_EQUAL => value >= operand,
                    _ => value & operand != 0,
                });
                if holds != Some(false) {
                    go_on(instruction.if_true.into(), accumulator);
                }
                if holds != Some(true) {
                    go_on(instruction.if_false.into(), accumulator);
                }
            }
            code if code & CLASS == CLASS_COMPUTE => go_on(0, None),
            code if code & CLASS == JUMP => {
                // A comparison with the index register.
                go_on(instruction.if_true.into(), accumulator);
                go_on(instruction.if_false.into(), accumulator);
            }
            code if code & CLASS == RETURN => return true,
            code if code & CLASS == LOAD_WORD_AT & CLASS => go_on(0, None),
            code if code & CLASS == CLASS_MISCELLANEOUS || matches!(code & CLASS, 1..=3) => go_on(0, accumulator),
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{ARCHITECTURE, Instruction, may_kill};

    const KILL_PROCESS: u32 = 0x8000_0000;
    const ALLOW: u32 = 0x7fff_0000;

    fn instruction(code: u16, operand: u32, if_true: u8, if_false: u8) -> Instruction {
        Instruction {
            code,
            if_true,
            if_false,
            operand,
        }
    }

    fn returns(action: u32) -> Instruction {
        instruction(0x06, action, 0, 0)
    }

    /// Ends the program at the numbers from 10 to 19, as libseccomp writes it.
    fn range() -> Vec<Instruction> {
        vec![
            instruction(0x20, 4, 0, 0),
            instruction(0x15, ARCHITECTURE, 0, 4),
            instruction(0x20, 0, 0, 0),
            instruction(0x35, 10, 0, 1),
            instruction(0x35, 20, 0, 1),
            returns(ALLOW),
            returns(KILL_PROCESS),
        ]
    }

    #[test]
    fn the_number_decides() {
        let killed: Vec<u32> = (0..30).filter(|&number| may_kill(&range(), number)).collect();
        assert_eq!(killed, (10..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_an_argument_may_decide_counts() {
        let mut filter = vec![
            instruction(0x20, 0, 0, 0),
            instruction(0x15, 7, 0, 4),
            instruction(0x20, 16, 0, 0),
            instruction(0x54, 0xff, 0, 0),
            instruction(0x15, 1, 0, 1),
            returns(KILL_PROCESS),
            returns(ALLOW),
        ];
        assert!(may_kill(&filter, 7));
        assert!(!may_kill(&filter, 8));
        for (action, kills) in [
            (0x0005_0001, false),
            (0x7ffc_0000, false),
            (0x0003_0000, true),
            (0, true),
        ] {
            filter[5] = returns(action);
            assert_eq!(may_kill(&filter, 7), kills, "{action:#x}");
        }
    }

    #[test]
    fn what_is_not_understood_counts_as_an_end() {
        assert!(may_kill(&[], 1));
        assert!(may_kill(&[instruction(0x20, 0, 0, 0)], 1));
        assert!(may_kill(&[instruction(0x16, 0, 0, 0)], 1));
    }

    #[test]
    fn a_filter_with_many_ways_is_given_up() {
        // Each pair of instructions makes two accumulators out of one.
        let mut filter = Vec::new();
        for number in 0..2000 {
            filter.push(instruction(0x25, 0, 0, 1));
            filter.push(instruction(0x00, number, 0, 0));
        }
        filter.push(returns(ALLOW));
        may_kill(&filter, 1);
    }
}
