//! The environment, as a null-terminated list of strings.
#![expect(unsafe_code, reason = "variables of libc and the loader")]

use core::ffi::c_char;
use core::sync::atomic::{AtomicBool, Ordering};

use super::loader_variables;

/// libc has set its list; if there is none afterwards, the program has emptied it.
// Relaxed: a flag that is only ever set, and guards no other memory.
static WAS_SET: AtomicBool = AtomicBool::new(false);

/// libc's list; before libc has set it, the kernel's, which libc will use. A sanitizer's runtime that is linked into the program
/// calls hooked functions that early.
pub fn list() -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: libc's own pointer.
    let list = unsafe { environ };
    if !list.is_null() && !WAS_SET.load(Ordering::Relaxed) {
        WAS_SET.store(true, Ordering::Relaxed);
    }
    if WAS_SET.load(Ordering::Relaxed) {
        return list;
    }
    let start = loader_variables::start_of_stack();
    if start.is_null() {
        return list;
    }
    // SAFETY: it points to the number of arguments, and the stack stays.
    unsafe { start.add(start.read() + 2).cast() }
}
