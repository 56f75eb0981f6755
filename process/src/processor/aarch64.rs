//! aarch64: a call leaves its return address in `x30`, which a function saves if it makes calls itself.
#![expect(unsafe_code, reason = "an instruction that Rust has no name for")]

use gimli::{AArch64, Register, Vendor};

/// The 31 general registers, the stack pointer and the program counter.
pub const COUNT: usize = 33;
/// DWARF's number for it, though no rules speak of it.
pub const COUNTER: Register = AArch64::PC;
/// The rules' number for the return address.
pub const RETURN_ADDRESS: Register = AArch64::X30;
/// The stack pointer.
pub const STACK_POINTER: Register = AArch64::SP;
/// The frame pointer, in functions that have one.
pub const FRAME_POINTER: Register = AArch64::X29;
/// Those that a function leaves as they were. `x30` among them: the rules say nothing of it where a function has not saved it.
pub const KEPT_BY_CALLEES: [Register; 12] = [
    AArch64::X19,
    AArch64::X20,
    AArch64::X21,
    AArch64::X22,
    AArch64::X23,
    AArch64::X24,
    AArch64::X25,
    AArch64::X26,
    AArch64::X27,
    AArch64::X28,
    AArch64::X29,
    AArch64::X30,
];
/// The return address and the others.
pub const PACKED: [Register; 12] = [
    AArch64::X30,
    AArch64::X19,
    AArch64::X20,
    AArch64::X21,
    AArch64::X22,
    AArch64::X23,
    AArch64::X24,
    AArch64::X25,
    AArch64::X26,
    AArch64::X27,
    AArch64::X28,
    AArch64::X29,
];
/// Those of [`PACKED`], `d8` to `d15`, whether the return address is signed, and two more.
pub const MAX_RULES: usize = 23;
/// Its own operation says where return addresses are signed.
pub const VENDOR: Vendor = Vendor::AArch64;

/// Without the signature that pointer authentication puts into the upper bits of a saved return address.
#[inline(always)]
pub fn return_address(word: usize) -> usize {
    let address: usize;
    // SAFETY: `xpaclri`, which changes only x30. A processor that does not know it does nothing, and does not sign addresses either.
    unsafe { core::arch::asm!("hint #7", inlateout("x30") word => address, options(nomem, nostack, preserves_flags)) };
    address
}

/// `mov x8, #SYS_rt_sigreturn; svc #0`, which the kernel provides.
pub const RETURN_CODE: [u8; 8] = [0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4];

/// Where the interrupted registers begin, in bytes above a returning handler's stack pointer: behind a `siginfo` of 128 bytes, 184 bytes into
/// the `ucontext`.
pub const INTERRUPTED_AT: usize = 312;
/// `x0` to `x30`, the stack pointer, the program counter: numbered as in DWARF.
pub const INTERRUPTED: [Register; COUNT] = {
    let mut all = [Register(0); COUNT];
    let mut number = 0;
    while number < COUNT {
        all[number] = Register(number as u16);
        number += 1;
    }
    all
};
