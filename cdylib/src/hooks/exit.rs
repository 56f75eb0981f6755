//! The ways to end a process without running destructors.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hooks;
use crate::watch::at_exit::process_ends;

hooks! {
    /// Ends the process at once.
    child hook _exit(status) -> usize = |_, real| {
        process_ends();
        real()
    };
    /// C99's name of `_exit`.
    child hook _Exit(status) -> usize = |_, real| {
        process_ends();
        real()
    };
    /// Ends the process after the handlers of `at_quick_exit`, in libc's own `_exit`.
    hook quick_exit(status) -> usize = |_, real| {
        process_ends();
        real()
    };
}
