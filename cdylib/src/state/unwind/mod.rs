//! Walks this thread's own stack, and keeps where each return address was found.
//!
//! The walk follows the compiler's tables, which may be wrong: in hand-written assembly, in code generated at run time, on a
//! coroutine's stack, between two instructions that the tables do not distinguish. So a word is read only where this thread's
//! stack is known to be mapped, each frame must lie above the one before, and each return address in code that the loader knows;
//! otherwise the walk ends, and the stack is short.
//!
//! | question | file |
//! |---|---|
//! | which words of the stack may be read? | `own_stack` |
//! | which object is an address in, and what do its tables say? | `loaded`; `listed` for old versions of glibc |
//! | what was read before? | `rows` |

#![expect(unsafe_code, reason = "this thread's registers")]

mod listed;
mod loaded;
mod own_stack;
mod rows;

use core::arch::asm;

use forkwatch_process::processor::{COUNTER, RETURN_CODE, STACK_POINTER};
use forkwatch_process::unwind::{NoCaller, OnSmallStack, Registers, Rules, interrupted};

use self::loaded::Object;
use self::own_stack::OwnStack;
use self::rows::Row;
use super::depot::MAX_FRAMES;
use super::own_code;

/// The most frames that are walked, including those that are not kept.
const MAX_STEPS: usize = MAX_FRAMES + 64;

/// A thread with less than this left of its stack does not walk it: the smallest ones have 16 KiB.
pub const MIN_STACK: usize = 8 * 1024;

/// A stack as it was walked: the return addresses from the hooked call outwards, our own frames left out.
#[derive(Debug)]
pub struct Walked {
    frames: [usize; MAX_FRAMES],
    slots: [usize; MAX_FRAMES],
    length: usize,
    complete: bool,
    in_handler: bool,
}

impl Walked {
    /// The return addresses, innermost first.
    pub fn frames(&self) -> &[usize] {
        self.frames.get(..self.length).unwrap_or_default()
    }

    /// For each frame, the address on the stack where its return address was read; 0 where it was not read there. The reader must check
    /// that it is there.
    pub fn slots(&self) -> &[usize] {
        self.slots.get(..self.length).unwrap_or_default()
    }

    /// Whether the walk reached the outermost frame of the first thread.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the walk came through a signal handler.
    pub fn is_in_handler(&self) -> bool {
        self.in_handler
    }

    fn push(&mut self, frame: usize, slot: usize) {
        if let (Some(into), Some(at)) = (self.frames.get_mut(self.length), self.slots.get_mut(self.length)) {
            (*into, *at) = (frame, slot);
            self.length += 1;
        }
    }
}

/// What a walk may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only this thread's own stack, without the kernel.
    OwnStack,
    /// Other stacks too, through the kernel.
    Anywhere,
}

/// Walks from the frame whose stack pointer, after the hooked call has returned, is `stack_pointer`; at most `depth`
/// frames. Where that frame is not found, the result is empty.
#[inline(never)]
pub fn walk_from(stack_pointer: usize, depth: usize, reach: Reach) -> Walked {
    walk(depth, reach, |frame_pointer| frame_pointer == stack_pointer)
}

/// Walks from the first frame that is not ours and lies above `address`, a place in a frame of ours.
#[inline(never)]
pub fn walk_from_above(address: usize, depth: usize) -> Walked {
    walk(depth, Reach::Anywhere, |frame_pointer| frame_pointer > address)
}

/// Walks from the first frame that is not ours.
#[inline(never)]
pub fn walk_from_caller(depth: usize) -> Walked {
    walk(depth, Reach::Anywhere, |_| true)
}

#[inline(never)]
fn walk(depth: usize, reach: Reach, begins: impl Fn(usize) -> bool) -> Walked {
    let mut walked = Walked {
        frames: [0; MAX_FRAMES],
        slots: [0; MAX_FRAMES],
        length: 0,
        complete: false,
        in_handler: false,
    };
    let mut frame = Frame::of_this_function();
    let mut stack = OwnStack::above(frame.stack_pointer(), reach == Reach::Anywhere);
    if !stack.is_enough() {
        return walked;
    }
    let mut object = None;
    let mut begun = false;
    for _ in 0..MAX_STEPS {
        match frame.caller(&mut object, &mut stack) {
            Ok(caller) => {
                walked.in_handler |= caller.is_exact;
                frame = caller;
            }
            Err(reason) => {
                walked.complete = begun && reason == NoCaller::Outermost;
                break;
            }
        }
        let (address, after) = (frame.address(), frame.stack_pointer());
        let ours = own_code::contains(address);
        if !begun {
            if ours || !begins(after) {
                continue;
            }
            begun = true;
        } else if ours {
            // The wrapper that starts a thread: the frames beyond are libc's.
            break;
        }
        walked.push(address, frame.registers.return_slot());
        if walked.length >= depth {
            break;
        }
    }
    walked
}

/// The registers that a walk begins with, as [`Frame::of_this_function`] stores them.
#[cfg(target_arch = "x86_64")]
const ORDER: [gimli::Register; 8] = [
    COUNTER,
    STACK_POINTER,
    gimli::X86_64::RBX,
    gimli::X86_64::RBP,
    gimli::X86_64::R12,
    gimli::X86_64::R13,
    gimli::X86_64::R14,
    gimli::X86_64::R15,
];
/// The registers that a walk begins with, as [`Frame::of_this_function`] stores them. Not `x30`: a function that calls others saves it.
#[cfg(target_arch = "aarch64")]
const ORDER: [gimli::Register; 13] = [
    COUNTER,
    STACK_POINTER,
    gimli::AArch64::X19,
    gimli::AArch64::X20,
    gimli::AArch64::X21,
    gimli::AArch64::X22,
    gimli::AArch64::X23,
    gimli::AArch64::X24,
    gimli::AArch64::X25,
    gimli::AArch64::X26,
    gimli::AArch64::X27,
    gimli::AArch64::X28,
    gimli::AArch64::X29,
];

/// One frame of the walk.
#[derive(Debug)]
struct Frame {
    registers: Registers,
    /// Whether its code was interrupted there, rather than making a call.
    is_exact: bool,
}

impl Frame {
    /// The frame of the function that this is inlined into.
    #[inline(always)]
    fn of_this_function() -> Self {
        let mut kept = [0_usize; ORDER.len()];
        // SAFETY: the code only stores registers into the array.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "lea {counter}, [rip]",
                "mov [{kept}], {counter}",
                "mov [{kept} + 8], rsp",
                "mov [{kept} + 16], rbx",
                "mov [{kept} + 24], rbp",
                "mov [{kept} + 32], r12",
                "mov [{kept} + 40], r13",
                "mov [{kept} + 48], r14",
                "mov [{kept} + 56], r15",
                kept = in(reg) kept.as_mut_ptr(),
                counter = out(reg) _,
                options(nostack, preserves_flags),
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!(
                "adr {counter}, .",
                "mov {stack_pointer}, sp",
                "stp {counter}, {stack_pointer}, [{kept}]",
                "stp x19, x20, [{kept}, #16]",
                "stp x21, x22, [{kept}, #32]",
                "stp x23, x24, [{kept}, #48]",
                "stp x25, x26, [{kept}, #64]",
                "stp x27, x28, [{kept}, #80]",
                "str x29, [{kept}, #96]",
                kept = in(reg) kept.as_mut_ptr(),
                counter = out(reg) _,
                stack_pointer = out(reg) _,
                options(nostack, preserves_flags),
            );
        }
        let mut registers = Registers::unknown();
        for (register, value) in ORDER.into_iter().zip(kept) {
            registers.set(register, Some(value));
        }
        Self {
            registers,
            is_exact: true,
        }
    }

    fn address(&self) -> usize {
        self.registers.get(COUNTER).unwrap_or(0)
    }

    fn stack_pointer(&self) -> usize {
        self.registers.get(STACK_POINTER).unwrap_or(0)
    }

    /// Its caller's frame. `object` caches the last loaded object.
    fn caller(&self, object: &mut Option<Object>, stack: &mut OwnStack) -> Result<Self, NoCaller> {
        let address = self.address();
        // A call that never returns may be a function's last instruction.
        let within = address.wrapping_sub(usize::from(!self.is_exact));
        let found = object_around(object, within).ok_or(NoCaller::Unknown)?;
        let (registers, is_exact) = if let Some(row) = rows::kept(within).filter(|row| still_stands(&found, row)) {
            (row.rules.caller(&self.registers, stack)?, false)
        } else {
            caller_by_tables(&found, address, within, &self.registers, stack)?
        };
        let caller = Self { registers, is_exact };
        // A stack grows downwards, so a caller that does not lie higher would lead in circles. Only a handler may have its own stack.
        let leads_up = is_exact || caller.stack_pointer() > self.stack_pointer();
        let returns = caller.address().wrapping_sub(usize::from(!is_exact));
        let is_code = |object: Object| object.code(returns).is_some();
        if leads_up && stack.may_end_at(caller.stack_pointer()) && object_around(object, returns).is_some_and(is_code) {
            Ok(caller)
        } else {
            Err(NoCaller::Unknown)
        }
    }
}

fn object_around(last: &mut Option<Object>, address: usize) -> Option<Object> {
    if !last.is_some_and(|object| object.contains(address)) {
        *last = Some(Object::around(address)?);
    }
    *last
}

/// Whether the entry that a row was read from is still there.
fn still_stands(object: &Object, row: &Row) -> bool {
    let bytes = object
        .table(row.entry)
        .and_then(|table| table.get(..row.length as usize));
    bytes.is_some_and(|bytes| hash_of(bytes) == row.hash)
}

/// The caller's registers, and whether it was interrupted rather than making a call. Keeps the rules where they can be kept.
#[cold]
#[inline(never)]
fn caller_by_tables(
    object: &Object,
    address: usize,
    within: usize,
    registers: &Registers,
    stack: &mut OwnStack,
) -> Result<(Registers, bool), NoCaller> {
    if object.code(address).is_some_and(|code| code.starts_with(&RETURN_CODE)) {
        return interrupted(registers, stack).map_or(Err(NoCaller::Unknown), |registers| Ok((registers, true)));
    }
    let entry = object.entry(within).ok_or(NoCaller::Unknown)?;
    let rules =
        Rules::of::<OnSmallStack>(&entry.description, &entry.section, &entry.bases, within).ok_or(NoCaller::Unknown)?;
    if let (Some(packed), Ok(length)) = (rules.packed(), u32::try_from(entry.bytes.len())) {
        let row = Row {
            entry: entry.bytes.as_ptr().addr(),
            length,
            hash: hash_of(entry.bytes),
            rules: packed,
        };
        rows::keep(within, row);
    }
    let caller = rules.caller(&entry.section, registers, stack)?;
    Ok((caller, rules.is_signal_frame()))
}

fn hash_of(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
    let hash = words
        .iter()
        .fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_ne_bytes(*word)));
    rest.iter().fold(hash, |hash, &byte| mix(hash, byte.into()))
}

#[cfg(test)]
mod tests;
