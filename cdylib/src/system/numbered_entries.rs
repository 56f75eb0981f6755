//! Functions without arguments that know their number, for callbacks that libc calls without an argument.
#![expect(unsafe_code, reason = "entries in assembly")]

use core::arch::global_asm;

/// How many there are.
pub const ENTRIES: usize = 128;
/// Bytes from one to the next.
const SIZE: usize = 16;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.forkwatch_numbered_entries,\"ax\",@progbits",
    ".balign 16",
    ".hidden forkwatch_numbered_entries",
    ".globl forkwatch_numbered_entries",
    ".type forkwatch_numbered_entries,@function",
    "forkwatch_numbered_entries:",
    ".cfi_startproc",
    ".set forkwatch_entry, 0",
    ".rept {entries}",
    "mov edi, forkwatch_entry",
    "jmp {enter}",
    ".balign {size}",
    ".set forkwatch_entry, forkwatch_entry + 1",
    ".endr",
    ".cfi_endproc",
    ".size forkwatch_numbered_entries, . - forkwatch_numbered_entries",
    ".popsection",
    entries = const ENTRIES,
    size = const SIZE,
    enter = sym enter,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.forkwatch_numbered_entries,\"ax\",@progbits",
    ".balign 16",
    ".hidden forkwatch_numbered_entries",
    ".globl forkwatch_numbered_entries",
    ".type forkwatch_numbered_entries,@function",
    "forkwatch_numbered_entries:",
    ".cfi_startproc",
    ".rept {entries}",
    // A landing pad, and this entry's address.
    "hint #34",
    "adr x0, . - 4",
    "b 2f",
    ".balign {size}",
    ".endr",
    "2:",
    "adr x1, forkwatch_numbered_entries",
    "sub x0, x0, x1",
    "lsr x0, x0, #4",
    "b {enter}",
    ".cfi_endproc",
    ".size forkwatch_numbered_entries, . - forkwatch_numbered_entries",
    ".popsection",
    entries = const ENTRIES,
    size = const SIZE,
    enter = sym enter,
);

unsafe extern "C" {
    fn forkwatch_numbered_entries();
}

/// What an entry calls; set before the first entry is handed out. The store (Release) pairs with the load (Acquire) in the entry.
static BODY: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

/// Called with an entry's number.
pub type Body = extern "C-unwind" fn(usize);

/// The address of the entry of this number, which calls `body`; `None` beyond the last one. All entries call one body.
pub fn entry(number: usize, body: Body) -> Option<usize> {
    BODY.store(body as usize, core::sync::atomic::Ordering::Release);
    let first = forkwatch_numbered_entries as *const () as usize;
    (number < ENTRIES).then(|| first + number * SIZE)
}

extern "C-unwind" fn enter(number: usize) {
    let body = BODY.load(core::sync::atomic::Ordering::Acquire);
    // SAFETY: every entry was handed out by `entry`, which stored a `Body` first.
    let body = unsafe { core::mem::transmute::<usize, Body>(body) };
    body(number);
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, entry};
    use core::sync::atomic::{AtomicUsize, Ordering};

    static SEEN: AtomicUsize = AtomicUsize::new(0);

    extern "C-unwind" fn see(number: usize) {
        SEEN.store(number + 1, Ordering::Relaxed);
    }

    #[test]
    fn each_entry_knows_its_number() {
        for number in [0, 1, ENTRIES - 1] {
            let address = entry(number, see).unwrap();
            // SAFETY: an entry is a C function without arguments.
            unsafe { core::mem::transmute::<usize, extern "C-unwind" fn()>(address)() };
            assert_eq!(SEEN.load(Ordering::Relaxed), number + 1);
        }
        assert!(entry(ENTRIES, see).is_none());
    }
}
