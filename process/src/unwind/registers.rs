//! The registers of one frame, as far as they are known.

use gimli::Register;

/// Registers that the rules speak of: the sixteen general ones and the return address.
pub(super) const COUNT: usize = 17;

/// The registers of one frame. A register is unknown until it is set.
#[derive(Clone, Debug)]
pub struct Registers {
    values: [usize; COUNT],
    /// A bit for each that is known.
    known: u32,
}

impl Registers {
    /// None is known.
    pub const fn unknown() -> Self {
        Self {
            values: [0; COUNT],
            known: 0,
        }
    }

    /// Only program counter and stack pointer are known.
    pub fn new(counter: usize, stack_pointer: usize) -> Self {
        let mut registers = Self::unknown();
        registers.set(gimli::X86_64::RA, Some(counter));
        registers.set(gimli::X86_64::RSP, Some(stack_pointer));
        registers
    }

    /// The value of `register`, where it is known.
    pub fn get(&self, register: Register) -> Option<usize> {
        let value = *self.values.get(usize::from(register.0))?;
        (self.known & 1 << register.0 != 0).then_some(value)
    }

    /// Sets `register`, to unknown with `None`.
    pub fn set(&mut self, register: Register, value: Option<usize>) {
        if let Some(place) = self.values.get_mut(usize::from(register.0)) {
            *place = value.unwrap_or(0);
            let bit = 1 << register.0;
            self.known = if value.is_some() {
                self.known | bit
            } else {
                self.known & !bit
            };
        }
    }
}
