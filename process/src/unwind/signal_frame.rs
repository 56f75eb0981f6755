//! Which code was interrupted by a signal: read from the frame that the kernel makes for a handler, whose layout is the kernel's
//! ABI. No tables are needed, because some libraries' code that returns from a handler has none.

use gimli::{Register, X86_64};

use super::{Registers, Words};

/// The code that a handler returns to, in any libc: `mov $SYS_rt_sigreturn, %rax; syscall`.
pub const RETURN_CODE: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// Where the interrupted registers are, in the order of `gregs` in the kernel's `ucontext`.
const FIRST_REGISTER: usize = 40;
const ORDER: [Register; 17] = [
    X86_64::R8,
    X86_64::R9,
    X86_64::R10,
    X86_64::R11,
    X86_64::R12,
    X86_64::R13,
    X86_64::R14,
    X86_64::R15,
    X86_64::RDI,
    X86_64::RSI,
    X86_64::RBP,
    X86_64::RBX,
    X86_64::RDX,
    X86_64::RAX,
    X86_64::RCX,
    X86_64::RSP,
    X86_64::RA,
];

/// The registers of the code that was interrupted, from those with which its handler returns to [`RETURN_CODE`].
pub fn interrupted(registers: &Registers, words: &mut impl Words) -> Option<Registers> {
    // The handler's `ret` has taken the return address off, so the stack pointer is at the `ucontext`.
    let first = registers.get(X86_64::RSP)?.checked_add(FIRST_REGISTER)?;
    let mut before = Registers::unknown();
    for (place, register) in ORDER.into_iter().enumerate() {
        before.set(
            register,
            Some(words.word(first.checked_add(place * size_of::<usize>())?)?),
        );
    }
    Some(before)
}
