//! The environment, as a list of strings that ends with null.
#![expect(unsafe_code, reason = "variables of libc's and the loader's")]

use core::ffi::c_char;
use core::sync::atomic::{AtomicBool, Ordering};

/// libc has set its list; where there is none afterwards, the program has emptied it.
// Relaxed: a flag that is only ever raised, and says nothing of other memory.
static WAS_SET: AtomicBool = AtomicBool::new(false);

/// libc's list; before libc has set it, the kernel's own, which it will be. A sanitizer's runtime that is linked into the program
/// calls hooked functions so early.
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
