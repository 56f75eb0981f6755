//! x86-64: a call pushes its return address, for which DWARF has a number of its own.

use gimli::{Register, Vendor, X86_64};

/// The sixteen general registers and the return address.
pub const COUNT: usize = 17;
/// The return address of a frame's callee is where the frame goes on.
pub const COUNTER: Register = X86_64::RA;
/// The rules' number for the return address.
pub const RETURN_ADDRESS: Register = X86_64::RA;
/// The stack pointer.
pub const STACK_POINTER: Register = X86_64::RSP;
/// The frame pointer, in functions that have one.
pub const FRAME_POINTER: Register = X86_64::RBP;
/// Those that a function leaves as they were.
pub const KEPT_BY_CALLEES: [Register; 6] = [
    X86_64::RBX,
    X86_64::RBP,
    X86_64::R12,
    X86_64::R13,
    X86_64::R14,
    X86_64::R15,
];
/// The return address and those.
pub const PACKED: [Register; 7] = [
    X86_64::RA,
    X86_64::RBX,
    X86_64::RBP,
    X86_64::R12,
    X86_64::R13,
    X86_64::R14,
    X86_64::R15,
];
/// Those of [`PACKED`], and two more.
pub const MAX_RULES: usize = 9;
/// Its compilers add nothing to DWARF.
pub const VENDOR: Vendor = Vendor::Default;

/// The word itself.
#[inline(always)]
pub fn return_address(word: usize) -> usize {
    word
}

/// `mov $SYS_rt_sigreturn, %rax; syscall`, in any libc.
pub const RETURN_CODE: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// Where the interrupted registers begin, in bytes above a returning handler's stack pointer: its `ret` has taken the return address off,
/// so that the stack pointer is at the `ucontext`.
pub const INTERRUPTED_AT: usize = 40;
/// The order of `gregs` in the kernel's `ucontext`.
pub const INTERRUPTED: [Register; 17] = [
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
