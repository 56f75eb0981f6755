//! Whether a signal's handler could end a wait.
//!
//! A handler can post a semaphore or make a raw futex wait return, but it may not release a lock or signal a condition
//! variable. So a child that installed its own handlers and waits on a semaphore may well be waiting for a signal.

/// Signals that report faults and end nothing: runtimes handle these for their own purposes.
const FAULTS: [u32; 6] = [4, 5, 6, 7, 8, 11];

/// Python's own handler for ^C is installed by default.
const INTERRUPT: u64 = 1 << (2 - 1);

/// Whether the process that waits in this function may wait for a signal. `parent` has the signals that its parent handles,
/// if it runs the same program: inherited handlers were not installed for this wait.
pub fn may_help(function: Option<&str>, handled: u64, parent: Option<u64>) -> bool {
    let waits_on_semaphore = function.is_none_or(|name| name.starts_with("sem_") || name == "syscall");
    let faults = FAULTS.iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
    waits_on_semaphore && handled & !faults & !parent.unwrap_or(INTERRUPT) != 0
}

#[cfg(test)]
mod tests {
    use super::may_help;

    #[test]
    fn only_a_childs_own_handlers_count_and_only_for_semaphores() {
        const TERMINATE: u64 = 1 << 14;
        const FAULT: u64 = 1 << 10;
        for (function, handled, parent, expected) in [
            (Some("sem_wait"), TERMINATE, Some(0), true),
            (None, TERMINATE, Some(0), true),
            (Some("sem_wait"), TERMINATE, Some(TERMINATE), false),
            (Some("sem_wait"), FAULT, Some(0), false),
            (Some("sem_wait"), 0b10, None, false),
            (Some("sem_wait"), TERMINATE, None, true),
            (Some("pthread_mutex_lock"), TERMINATE, Some(0), false),
        ] {
            assert_eq!(
                may_help(function, handled, parent),
                expected,
                "{function:?} {handled:#x} {parent:?}"
            );
        }
    }
}
