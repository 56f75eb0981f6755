//! What signal handlers could do about a futex wait of another process.

use forkwatch_schema::record::{Frame, PythonFrame, WaitObject};
use forkwatch_schema::signals::{self, Handled, Power, Wait};

use super::waiting_function;

/// The power of these handlers over the wait that a thread with this stack is in.
pub fn power_over_wait(
    stack: &[Frame],
    python_stack: Option<&[PythonFrame]>,
    has_python: bool,
    handled: Handled,
) -> Power {
    let object = match waiting_function(stack) {
        None | Some("syscall") => WaitObject::Futex,
        Some(name) if name.starts_with("sem_") => WaitObject::Semaphore,
        // libc's other functions wait for locks.
        Some(_) => return Power::Nothing,
    };
    let wait = Wait {
        object,
        stack,
        python_stack,
        has_python,
    };
    signals::power(&wait, handled)
}
