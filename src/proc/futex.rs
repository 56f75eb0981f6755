//! A wait in futex(2), as described by the system call's arguments.

use nix::libc;

use super::SystemCall;

/// The futex is of this process alone (`FUTEX_PRIVATE_FLAG`, and `FUTEX2_PRIVATE` of the newer calls).
const PRIVATE: u64 = 0x80;
const CLOCK_REALTIME: u64 = 0x100;

/// Since Linux 6.7, with this number on every architecture.
const FUTEX_WAIT: i64 = 455;

/// A thread waits until another one wakes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexWait {
    /// The futex.
    pub address: u64,
    /// Only threads of the same process can wake it.
    pub is_private: bool,
    /// The kernel wakes it after a while.
    pub has_timeout: bool,
}

/// Whether the call is any of the futex family: there are waits that [`FutexWait::of`] does not understand.
pub fn is_futex(call: &SystemCall) -> bool {
    let numbers = [libc::SYS_futex, libc::SYS_futex_waitv, FUTEX_WAIT];
    matches!(call, SystemCall::Waiting { number, .. } if numbers.contains(number))
}

impl FutexWait {
    /// The wait that this call is, if it is one.
    pub fn of(call: &SystemCall) -> Option<Self> {
        let SystemCall::Waiting { number, arguments, .. } = *call else {
            return None;
        };
        let (operation, timeout) = match number {
            libc::SYS_futex => (arguments[1], arguments[3]),
            FUTEX_WAIT => (arguments[3] & PRIVATE, arguments[4]),
            _ => return None,
        };
        // Futex operations are 32-bit numbers; the register's upper half means nothing.
        let operation = operation & u64::from(u32::MAX);
        let waits = [
            libc::FUTEX_WAIT,
            libc::FUTEX_WAIT_BITSET,
            libc::FUTEX_LOCK_PI,
            libc::FUTEX_LOCK_PI2,
        ];
        let command = operation & !(PRIVATE | CLOCK_REALTIME);
        waits
            .iter()
            .any(|&wait| u64::from(wait.cast_unsigned()) == command)
            .then_some(Self {
                address: arguments[0],
                is_private: operation & PRIVATE != 0,
                has_timeout: timeout != 0,
            })
    }

    /// Whether nobody will ever wake the only thread of a process.
    pub fn is_for_ever(self) -> bool {
        self.is_private && !self.has_timeout
    }
}

#[cfg(test)]
mod tests {
    use nix::libc;

    use super::{FUTEX_WAIT, FutexWait, is_futex};
    use crate::proc::SystemCall;

    fn call(number: i64, arguments: [u64; 6]) -> SystemCall {
        SystemCall::Waiting {
            number,
            arguments,
            stack_pointer: 0,
            counter: 0,
        }
    }

    fn is_for_ever(arguments: [u64; 6]) -> Option<bool> {
        FutexWait::of(&call(libc::SYS_futex, arguments)).map(FutexWait::is_for_ever)
    }

    #[test]
    fn private_waits_without_a_timeout_last_for_ever() {
        // FUTEX_WAIT, FUTEX_WAIT_BITSET, the same by the wall clock, FUTEX_LOCK_PI; all private.
        for operation in [0x80, 0x89, 0x189, 0x86] {
            assert_eq!(is_for_ever([0x10, operation, 2, 0, 0, 0]), Some(true), "{operation:#x}");
            assert_eq!(is_for_ever([0x10, operation, 2, 0x7ffd, 0, 0]), Some(false));
            assert_eq!(is_for_ever([0x10, operation & !0x80, 2, 0, 0, 0]), Some(false));
        }
        // FUTEX_WAKE waits for nothing.
        assert_eq!(is_for_ever([0x10, 0x81, 1, 0, 0, 0]), None);
        let newer = call(FUTEX_WAIT, [0x10, 2, 0xffff_ffff, 0x82, 0, 0]);
        assert!(FutexWait::of(&newer).unwrap().is_for_ever());
    }

    #[test]
    fn other_calls_are_none() {
        let read = call(libc::SYS_read, [0, 0x80, 0, 0, 0, 0]);
        assert_eq!(FutexWait::of(&read), None);
        assert!(!is_futex(&read) && is_futex(&call(libc::SYS_futex_waitv, [0; 6])));
    }
}
