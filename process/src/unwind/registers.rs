//! The registers of one frame, as far as they are known.

use gimli::Register;

use crate::processor::{COUNT, COUNTER, STACK_POINTER};

/// The registers of one frame. A register is unknown until it is set.
#[derive(Clone, Debug)]
pub struct Registers {
    values: [usize; COUNT],
    /// A bit for each that is known.
    known: u64,
    /// Where on the stack the return address of this frame's callee was read; 0 where it was not.
    return_slot: usize,
}

impl Registers {
    /// None is known.
    pub const fn unknown() -> Self {
        Self {
            values: [0; COUNT],
            known: 0,
            return_slot: 0,
        }
    }

    /// Only program counter and stack pointer are known.
    pub fn new(counter: usize, stack_pointer: usize) -> Self {
        let mut registers = Self::unknown();
        registers.set(COUNTER, Some(counter));
        registers.set(STACK_POINTER, Some(stack_pointer));
        registers
    }

    /// The value of `register`, where it is known.
    pub fn get(&self, register: Register) -> Option<usize> {
        let value = *self.values.get(usize::from(register.0))?;
        (self.known & 1_u64 << register.0 != 0).then_some(value)
    }

    /// Where on the stack the return address was read that leads to this frame; 0 where it was not on the stack.
    pub fn return_slot(&self) -> usize {
        self.return_slot
    }

    /// Notes where the return address that leads to this frame was read.
    pub(super) fn set_return_slot(&mut self, place: usize) {
        self.return_slot = place;
    }

    /// Sets `register`, to unknown with `None`.
    pub fn set(&mut self, register: Register, value: Option<usize>) {
        if let Some(place) = self.values.get_mut(usize::from(register.0)) {
            *place = value.unwrap_or(0);
            let bit = 1_u64 << register.0;
            self.known = if value.is_some() {
                self.known | bit
            } else {
                self.known & !bit
            };
        }
    }
}
