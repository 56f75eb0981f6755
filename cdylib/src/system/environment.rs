//! The environment, as a null-terminated list of strings.
#![expect(unsafe_code, reason = "variables of libc and the loader")]

use core::ffi::c_char;
use core::sync::atomic::{AtomicBool, Ordering};

/// libc has set its list; if there is none afterwards, the program has emptied it.
// Relaxed: a flag that is only ever set, and guards no other memory.
static WAS_SET: AtomicBool = AtomicBool::new(false);

/// libc's list; before libc has set it, the kernel's, which libc will use. A sanitizer's runtime that is linked into the program
/// calls hooked functions that early.
pub fn list() -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
        /// Where the first thread's stack began: the number of the program's arguments, the arguments, null, the environment.
        static __libc_stack_end: *const usize;
    }
    // SAFETY: libc's own pointer.
    let list = unsafe { environ };
    if !list.is_null() && !WAS_SET.load(Ordering::Relaxed) {
        WAS_SET.store(true, Ordering::Relaxed);
    }
    if WAS_SET.load(Ordering::Relaxed) {
        return list;
    }
    // SAFETY: the loader sets it before it runs any code of ours, and the stack it points to stays.
    unsafe {
        let start = __libc_stack_end;
        if start.is_null() {
            list
        } else {
            start.add(start.read() + 2).cast()
        }
    }
}
