//! `/proc/PID/task/TID/syscall`.

/// What a thread does in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemCall {
    /// It runs, or would.
    Running,
    /// It waits in the kernel, but not in a system call: for a page of memory, for example.
    None,
    /// It waits in a system call.
    Waiting {
        /// Which.
        number: i64,
        /// Its arguments.
        arguments: [u64; 6],
        /// The thread's stack pointer.
        stack_pointer: u64,
        /// The thread's program counter.
        counter: u64,
    },
}

impl SystemCall {
    /// Reads the line.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?.trim();
        if line == "running" {
            return Some(Self::Running);
        }
        let mut words = line.split_ascii_whitespace();
        let number = words.next()?.parse().ok()?;
        if number < 0 {
            return Some(Self::None);
        }
        let mut hex = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
        let mut arguments = [0; 6];
        for argument in &mut arguments {
            *argument = hex()?;
        }
        Some(Self::Waiting {
            number,
            arguments,
            stack_pointer: hex()?,
            counter: hex()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SystemCall;

    #[test]
    fn every_form_of_the_line() {
        assert_eq!(SystemCall::parse(b"running\n"), Some(SystemCall::Running));
        assert_eq!(SystemCall::parse(b"-1 0x7ffd 0x7f00\n"), Some(SystemCall::None));
        let waiting = SystemCall::Waiting {
            number: 202,
            arguments: [0x10, 0x80, 2, 0, 0, 0xff],
            stack_pointer: 0x7ffd,
            counter: 0x7f00,
        };
        let line = b"202 0x10 0x80 0x2 0x0 0x0 0xff 0x7ffd 0x7f00\n";
        assert_eq!(SystemCall::parse(line), Some(waiting));
        assert_eq!(SystemCall::parse(b"202 0x10"), None);
        assert_eq!(SystemCall::parse(b""), None);
    }
}
