//! Whether a process is stuck, judged by the facts alone.

use forkwatch_schema::signals::Power;

use super::facts::{Facts, Watched};
use crate::proc::{FutexWait, SystemCall, is_futex};
use crate::records;

/// What a process looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A forked child whose only thread waits for something that only a lost thread would do.
    Stuck,
    /// The same, in a process that has called exec: so the fork did not cause the loss of the others.
    StuckAlone,
    /// The library itself proved that it cannot go on.
    Proved,
    /// The same, and it may wait for one of its signal handlers to do so.
    AwaitsSignal,
    /// It has other threads.
    Threads(usize),
    /// It runs.
    Runs,
    /// It was stopped by a signal or a debugger.
    Stopped,
    /// It has ended, and its parent has not waited for it.
    Ended,
    /// Its futex wait ends by itself.
    Timeout,
    /// Another process can wake it.
    Shared,
    /// Its wait in a futex is of an unknown kind.
    Futex,
    /// It waits in another system call.
    Call(i64),
    /// It waits in the kernel outside any system call.
    Kernel,
    /// The kernel does not show it to us.
    Unknown,
}

impl Verdict {
    /// The verdict on a process.
    pub fn of(facts: &Facts) -> Self {
        match facts.stat.state {
            'Z' | 'X' => return Self::Ended,
            'T' | 't' => return Self::Stopped,
            _ => {}
        }
        if facts.stat.threads > 1 {
            return Self::Threads(facts.stat.threads);
        }
        let Ok(call) = &facts.call else {
            return Self::Unknown;
        };
        let verdict = Self::of_call(call, facts.stat.is_forked);
        let is_proved = matches!(&facts.watched, Watched::Logged(_, records) if records.iter().any(records::explains));
        match verdict {
            Self::Stuck if is_proved => Self::Proved,
            Self::Stuck if facts.power_of_signals() == Power::End => Self::AwaitsSignal,
            other => other,
        }
    }

    /// The verdict on a process with one thread.
    fn of_call(call: &SystemCall, is_forked: bool) -> Self {
        match *call {
            SystemCall::Running => return Self::Runs,
            SystemCall::None => return Self::Kernel,
            SystemCall::Waiting { number, .. } if !is_futex(call) => return Self::Call(number),
            SystemCall::Waiting { .. } => {}
        }
        match FutexWait::of(call) {
            None => Self::Futex,
            Some(wait) if wait.has_timeout => Self::Timeout,
            Some(wait) if !wait.is_private => Self::Shared,
            Some(_) if is_forked => Self::Stuck,
            Some(_) => Self::StuckAlone,
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::libc::{SYS_futex, SYS_read};

    use super::Verdict;
    use crate::proc::SystemCall;

    fn of(number: i64, operation: u64, timeout: u64) -> Verdict {
        let call = SystemCall::Waiting {
            number,
            arguments: [0x10, operation, 2, timeout, 0, 0],
            stack_pointer: 0,
            counter: 0,
        };
        Verdict::of_call(&call, true)
    }

    #[test]
    fn only_a_private_wait_without_a_timeout_is_stuck() {
        assert_eq!(of(SYS_futex, 0x80, 0), Verdict::Stuck);
        assert_eq!(of(SYS_futex, 0x80, 0x7ffd), Verdict::Timeout);
        assert_eq!(of(SYS_futex, 0, 0), Verdict::Shared);
        assert_eq!(of(SYS_futex, 0x81, 0), Verdict::Futex);
        assert_eq!(of(SYS_read, 0x80, 0), Verdict::Call(SYS_read));
        assert_eq!(Verdict::of_call(&SystemCall::Running, true), Verdict::Runs);
    }
}
