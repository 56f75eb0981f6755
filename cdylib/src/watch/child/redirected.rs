//! A redirected call, before it is made: which of the child's watchers is it for?

#![expect(unsafe_code, reason = "dlsym and its name")]

use core::ffi::{CStr, c_char, c_void};

use super::{audited, descriptor, guarded};
use crate::state::fork_call;
use crate::state::redirects::{self, FIRST_OTHER, Shown};
use crate::state::sandbox;
use crate::state::stack_cache::Caller;
use crate::system::redirected_entries::{self, Redirected};

/// A redirected call; the address of what is called instead, or 0.
pub fn is_called(redirected: Redirected) -> usize {
    if redirected.number < FIRST_OTHER {
        descriptor::is_called(redirected);
        return 0;
    }
    let instead = finds_function(&redirected);
    // At-fork handlers are a library's own cure for the fork, and run while `fork` has not returned.
    if !audited::is_settled(redirected.number) && !sandbox::is_shut() && fork_call::current().is_none() {
        show(redirected);
    }
    instead
}

fn show(redirected: Redirected) {
    let caller = |function| Caller {
        return_address: redirected.return_address,
        stack_pointer: redirected.stack_pointer,
        function,
    };
    match redirects::shown(redirected.number) {
        Some(Shown::Unsafe(function)) => audited::is_called(redirected.number, caller(function)),
        Some(Shown::Passes) => guarded::is_passed(redirected.arguments[1], caller),
        Some(Shown::Guarded(function, library)) => guarded::is_called(redirected.number, library, caller(function)),
        Some(Shown::Finds) | None => audited::settle(redirected.number),
    }
}

/// What is called instead of `dlsym`, where it looks for a function in a library of its caller's choice: the function may be one of a
/// guarded library.
fn finds_function(redirected: &Redirected) -> usize {
    let [handle, _] = redirected.arguments;
    let is_library = handle as *mut c_void != libc::RTLD_DEFAULT && handle as *mut c_void != libc::RTLD_NEXT;
    if !is_library || Some(redirected.number) != redirects::entry_of_dlsym() {
        return 0;
    }
    find_function as *const () as usize
}

unsafe extern "C-unwind" fn find_function(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    type Find = unsafe extern "C-unwind" fn(*mut c_void, *const c_char) -> *mut c_void;
    let real = redirects::entry_of_dlsym().map_or(0, redirected_entries::original);
    // SAFETY: the entry goes on to `dlsym`, which has this type.
    let real = unsafe { core::mem::transmute::<usize, Find>(real) };
    // SAFETY: the program's own call. `dlsym` asks who calls it only where no library is named.
    let found = unsafe { real(handle, name) };
    if found.is_null() || name.is_null() || sandbox::is_shut() {
        return found;
    }
    // SAFETY: `dlsym` has read the name, which ends with NUL.
    let name = unsafe { CStr::from_ptr(name) };
    guarded::is_found(found as usize, name) as *mut c_void
}
