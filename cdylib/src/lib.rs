//! libforkwatch.so: preloaded into a program, it reports every unsafe fork.
//!
//! The layers, each using only those above it in this list (`scripts/check-layers` holds the order):
//!
//! * [`system`]: what kernel, processor and libc offer without harm.
//! * [`config`]: what the user asked for.
//! * [`state`]: what is true right now; written by hooks, read by the forking thread.
//! * [`snapshot`]: what was true at a fork.
//! * [`verdict`]: whether it is a finding.
//! * [`record`]: what its record says.
//! * [`sink`]: where it is written.
//! * [`watch`]: what happens in which order.
//! * `hooks`: which calls reach us.
//!
//! The first rule is to do no harm: no allocation from the program's heap, no lock that a fork can orphan, no unguarded read of
//! the program's memory, no panic across the boundary, `errno` preserved.
//!
//! Code that every forked child runs lies in one section, `.text.forkwatch_child`: each page of code that a child touches costs
//! it a page fault, as much as everything that the code does.
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests do not run in a watched program"
    )
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod config;
pub mod record;
pub mod sink;
pub mod snapshot;
pub mod state;
pub mod system;
pub mod verdict;
pub mod watch;

// A unit test must not interpose itself.
#[cfg(not(test))]
mod hooks;

use core::ffi::{CStr, c_char};

/// Stage two of starting; stage one ran at the first call that reached a hook.
#[cfg(not(test))]
extern "C" fn constructor() {
    watch::start::stage_two(|| watch::this_thread::record().is_some());
    system::redirected_entries::observe(watch::child::is_called);
}

#[cfg(not(test))]
extern "C" fn destructor() {
    watch::at_exit::process_ends();
}

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
#[expect(unsafe_code, reason = "the loader calls the functions in this section")]
static CONSTRUCTOR: extern "C" fn() = constructor;

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".fini_array")]
#[expect(unsafe_code, reason = "the loader calls the functions in this section")]
static DESTRUCTOR: extern "C" fn() = destructor;

/// Sets the text that is copied into every record from now on (`FORKWATCH_CONTEXT` sets the first one); null clears it.
/// Bytes beyond the first 1,024 are cut.
///
/// # Safety
/// `context` is null or ends with NUL.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[expect(unsafe_code, reason = "exported to C")]
pub unsafe extern "C" fn forkwatch_set_context(context: *const c_char) {
    let text = (!context.is_null()).then(|| {
        // SAFETY: the caller's promise.
        unsafe { CStr::from_ptr(context) }.to_bytes()
    });
    watch::context::set(text);
}

/// From now on, holds each fork of this process back until no other thread holds a lock, for at most this many milliseconds, as
/// `FORKWATCH_SETTLE` does from the start; 0 ends that. Returns 1, or 0 where the kernel refuses what it needs. Python code calls it with
/// the interpreter lock.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[cfg_attr(not(test), expect(unsafe_code, reason = "exported to C"))]
pub extern "C" fn forkwatch_settle(milliseconds: u32) -> i32 {
    i32::from(watch::settle_on_request::from_now_on(milliseconds))
}
