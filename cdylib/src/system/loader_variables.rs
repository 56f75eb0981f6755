//! The dynamic linker's own variables. Each linker has some of them, so they are asked for weakly: one that is missing has the address 0,
//! and does not keep the library from being loaded.
#![expect(unsafe_code, reason = "words that the linker fills with addresses")]

use core::arch::global_asm;
use core::ffi::c_int;

// The library is bound at the start, so the words are filled before any code of ours runs. Hidden, because other libraries may have
// words of these names.
global_asm!(
    ".pushsection .data.forkwatch_loader,\"aw\",@progbits",
    ".balign 8",
    ".weak _r_debug",
    ".weak _dl_debug_addr",
    ".weak __libc_stack_end",
    ".hidden forkwatch_loader_variables",
    ".globl forkwatch_loader_variables",
    "forkwatch_loader_variables:",
    ".quad _r_debug",
    ".quad _dl_debug_addr",
    ".quad __libc_stack_end",
    ".popsection",
);

/// The addresses of the variables; 0 where the linker has none of the name.
#[repr(C)]
struct Addresses {
    /// glibc: the public record.
    record: usize,
    /// musl: the address of the public record.
    address_of_record: usize,
    /// glibc: the address where the first thread's stack began.
    start_of_stack: usize,
}

/// The public record of the objects (`link.h`).
#[repr(C)]
struct Debug {
    version: c_int,
    first: usize,
}

unsafe extern "C" {
    static forkwatch_loader_variables: Addresses;
}

fn addresses() -> &'static Addresses {
    // SAFETY: three words, which nobody writes once the library is bound.
    unsafe { &forkwatch_loader_variables }
}

/// The linker's record of the first object, which is the program; 0 where it shows none.
pub fn first_object() -> usize {
    let addresses = addresses();
    let record = if addresses.record != 0 || addresses.address_of_record == 0 {
        addresses.record
    } else {
        // SAFETY: the address of musl's variable, a pointer.
        unsafe { (addresses.address_of_record as *const usize).read() }
    };
    if record == 0 {
        return 0;
    }
    // SAFETY: the linker has filled its record before it runs any of our code.
    unsafe { (&raw const (*(record as *const Debug)).first).read() }
}

/// Where the first thread's stack began: the number of the program's arguments, the arguments, null, the environment. Null where that is
/// not known.
pub fn start_of_stack() -> *const usize {
    match addresses().start_of_stack {
        0 => core::ptr::null(),
        // SAFETY: the address of glibc's variable, a pointer, which is set before any code of ours runs.
        variable => unsafe { (variable as *const *const usize).read() },
    }
}
