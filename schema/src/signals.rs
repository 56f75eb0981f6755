//! What the program's signal handlers could do about a wait that no thread will end.
//!
//! A C handler may post a semaphore or change the word of a futex; it may not release a lock or signal a condition variable. A
//! Python handler runs in between two instructions of the interpreter: in a wait of Python's own, which it interrupts. There it may
//! set an event that the program waits for, but it does not do the work of a thread that a queue, a future or a pool waits for, and
//! does not release a lock that such a thread held. It may still leave the wait, with an exception.

use crate::path::base_name;
use crate::record::{Frame, PythonFrame, WaitObject};
use crate::users_frame::{is_of_system, is_standard};

/// What handlers could do about a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Nothing: the wait never ends.
    Nothing,
    /// They could leave it, but will not bring what it waits for.
    Leave,
    /// They may bring what it waits for: a program that waits for a signal does this.
    End,
}

/// The signals that have handlers, one bit each, as `SigCgt` of `/proc/PID/status` has them.
#[derive(Clone, Copy, Debug)]
pub struct Handled {
    /// In the process that waits.
    pub here: u64,
    /// In the process that forked it; `None` where that has ended or runs another program.
    pub in_parent: Option<u64>,
}

/// A wait.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// What it waits for.
    pub object: WaitObject,
    /// The thread's native stack, innermost first.
    pub stack: &'a [Frame],
    /// Its Python frames, innermost first, where they can be read.
    pub python_stack: Option<&'a [PythonFrame]>,
    /// Whether the process has a Python interpreter.
    pub has_python: bool,
}

/// Signals whose handlers bring nothing: those that report faults, and the two that libc reserves.
const IGNORED: u64 = bit(4) | bit(5) | bit(6) | bit(7) | bit(8) | bit(11) | bit(31) | bit(32) | bit(33);
/// Python always has a handler for ^C.
const INTERRUPT: u64 = bit(2);

const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

impl Handled {
    /// Those that the process caught for a purpose of its own, after the fork.
    const fn own(self) -> u64 {
        let inherited = match self.in_parent {
            Some(inherited) => inherited,
            None => 0,
        };
        self.here & !inherited & !IGNORED
    }
}

/// What handlers could do about this wait.
pub fn power(wait: &Wait, handled: Handled) -> Power {
    let own = handled.own();
    match wait.object {
        WaitObject::Mutex | WaitObject::Rwlock | WaitObject::Condition => Power::Nothing,
        WaitObject::Semaphore | WaitObject::Futex if wait.has_python => match own & !INTERRUPT {
            0 => Power::Nothing,
            _ if is_python_waiting(wait.stack) && wait.python_stack.is_none_or(may_be_for_a_handler) => Power::End,
            _ => Power::Leave,
        },
        // Whichever process installed it: posting is what a handler may do.
        WaitObject::Semaphore if handled.here & !IGNORED != 0 => Power::End,
        WaitObject::Futex if own != 0 => Power::End,
        WaitObject::Semaphore | WaitObject::Futex => Power::Nothing,
    }
}

/// What handlers could do about a wait for a lock that the waiting thread has itself, taken before the fork.
pub fn power_over_own_lock(wait: &Wait, handled: Handled) -> Power {
    match power(wait, handled) {
        // Nobody waits for a lock of Python's to be told something.
        Power::End if wait.has_python && is_python_waiting(wait.stack) => Power::Leave,
        power => power,
    }
}

/// Whether the interpreter itself waits: its handlers do not run while other native code waits.
fn is_python_waiting(stack: &[Frame]) -> bool {
    stack.iter().find(|frame| !is_of_system(frame)).is_none_or(is_python)
}

/// Whether a frame lies in the interpreter, or in a module that is not known.
pub fn is_python(frame: &Frame) -> bool {
    frame.module.as_deref().is_none_or(|path| {
        let name = base_name(path);
        name.starts_with("libpython") || name.starts_with("python")
    })
}

/// Whether Python code with these frames may wait for a handler, rather than for a thread.
fn may_be_for_a_handler(frames: &[PythonFrame]) -> bool {
    !waits_for_thread(frames)
}

/// Whether Python code with these frames is sure to wait for a thread. `threading`'s waits are what their caller makes of them: the
/// standard library's own callers wait for threads.
pub fn waits_for_thread(frames: &[PythonFrame]) -> bool {
    let is_threading = |frame: &&PythonFrame| base_name(&frame.file) == "threading.py" && is_standard(&frame.file);
    let waits_for_end = frames
        .iter()
        .take_while(is_threading)
        .any(|frame| matches!(last_part(&frame.function), "join" | "_wait_for_tstate_lock"));
    let caller = frames.iter().find(|frame| !is_threading(frame));
    waits_for_end || caller.is_some_and(|caller| is_standard(&caller.file))
}

/// The method's name alone: qualified names are not known everywhere.
fn last_part(function: &str) -> &str {
    function.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Handled, INTERRUPT, Power, Wait, bit, power, power_over_own_lock};
    use crate::record::{Frame, PythonFrame, WaitObject};

    const TERMINATE: u64 = bit(15);
    const FAULT: u64 = bit(11);
    const NONE: Handled = handled(0, Some(0));

    const fn handled(here: u64, in_parent: Option<u64>) -> Handled {
        Handled { here, in_parent }
    }

    fn native(object: WaitObject) -> Wait<'static> {
        Wait {
            object,
            stack: &[],
            python_stack: None,
            has_python: false,
        }
    }

    fn in_module(module: &str) -> Vec<Frame> {
        let frame = |module: &str| Frame {
            module: Some(module.into()),
            ..Frame::default()
        };
        vec![frame("/lib/x86_64-linux-gnu/libc.so.6"), frame(module)]
    }

    fn python(frames: &[(&str, &str)], handled: Handled) -> Power {
        let stack = in_module("/usr/lib/libpython3.12.so.1.0");
        let frames: Vec<PythonFrame> = frames
            .iter()
            .map(|(file, function)| PythonFrame {
                file: (*file).into(),
                line: 1,
                function: (*function).into(),
            })
            .collect();
        let wait = Wait {
            stack: &stack,
            python_stack: Some(&frames),
            has_python: true,
            ..native(WaitObject::Semaphore)
        };
        power(&wait, handled)
    }

    #[test]
    fn a_handler_in_c_posts_semaphores_and_changes_futexes_only() {
        use WaitObject::{Condition, Futex, Mutex, Rwlock, Semaphore};
        for (object, handled, expected) in [
            (Semaphore, handled(TERMINATE, Some(0)), Power::End),
            (Semaphore, handled(TERMINATE, Some(TERMINATE)), Power::End),
            (Semaphore, handled(FAULT, Some(0)), Power::Nothing),
            (Futex, handled(TERMINATE, Some(0)), Power::End),
            (Futex, handled(TERMINATE, None), Power::End),
            (Futex, handled(TERMINATE, Some(TERMINATE)), Power::Nothing),
            (Mutex, handled(TERMINATE, Some(0)), Power::Nothing),
            (Rwlock, handled(TERMINATE, Some(0)), Power::Nothing),
            (Condition, handled(TERMINATE, Some(0)), Power::Nothing),
        ] {
            assert_eq!(power(&native(object), handled), expected, "{object:?} {handled:?}");
        }
    }

    #[test]
    fn a_python_handler_sets_events_but_does_no_threads_work() {
        let threading = |function| ("/usr/lib/python3.12/threading.py", function);
        let (wait, event) = (threading("Condition.wait"), threading("Event.wait"));
        let own = handled(TERMINATE | INTERRUPT, Some(INTERRUPT));
        let users = ("/app/main.py", "main");
        for (frames, expected) in [
            (&[wait, event, users][..], Power::End),
            (&[wait, threading("Semaphore.acquire"), users], Power::End),
            (&[wait, users], Power::End),
            (&[users], Power::End),
            (
                &[wait, ("/usr/lib/python3.12/queue.py", "Queue.join"), users],
                Power::Leave,
            ),
            (
                &[wait, event, ("/usr/lib/python3.12/concurrent/futures/_base.py", "wait")],
                Power::Leave,
            ),
            (
                &[
                    wait,
                    ("/usr/lib/python3.12/concurrent/futures/_base.py", "Future.result"),
                    users,
                ],
                Power::Leave,
            ),
            (
                &[
                    threading("Thread._wait_for_tstate_lock"),
                    threading("Thread.join"),
                    users,
                ],
                Power::Leave,
            ),
            (
                &[
                    wait,
                    event,
                    ("/env/lib/python3.12/site-packages/apscheduler/blocking.py", "loop"),
                ],
                Power::End,
            ),
        ] {
            assert_eq!(python(frames, own), expected, "{frames:?}");
            assert_eq!(
                python(frames, handled(TERMINATE, Some(TERMINATE))),
                Power::Nothing,
                "{frames:?}"
            );
            assert_eq!(python(frames, handled(INTERRUPT, None)), Power::Nothing, "{frames:?}");
            assert_eq!(python(frames, NONE), Power::Nothing, "{frames:?}");
        }
    }

    #[test]
    fn python_handlers_do_not_run_while_other_code_waits() {
        let own = handled(TERMINATE, Some(0));
        let stack = in_module("/env/site-packages/polars.abi3.so");
        let wait = Wait {
            stack: &stack,
            python_stack: Some(&[]),
            has_python: true,
            ..native(WaitObject::Futex)
        };
        assert_eq!(power(&wait, own), Power::Leave);
        let unknown = Wait {
            python_stack: None,
            stack: &[],
            ..wait
        };
        assert_eq!(power(&unknown, own), Power::End);
    }

    #[test]
    fn a_lock_is_taken_to_exclude_and_not_to_be_told() {
        let own = handled(TERMINATE, Some(0));
        let stack = in_module("/usr/bin/python3.12");
        let lock = Wait {
            stack: &stack,
            has_python: true,
            ..native(WaitObject::Semaphore)
        };
        assert_eq!(power_over_own_lock(&lock, own), Power::Leave);
        assert_eq!(power_over_own_lock(&lock, NONE), Power::Nothing);
        assert_eq!(power_over_own_lock(&native(WaitObject::Semaphore), own), Power::End);
    }
}
