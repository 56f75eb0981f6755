//! The program installs a seccomp filter. If the filter would kill the program at one of our system calls, we stop watching.

use core::sync::atomic::{AtomicBool, Ordering};

use forkwatch_process::memory::{self, ProcessMemory};
use forkwatch_schema::system_calls::NEEDED;

use super::{at_exit, reporting, this_thread};
use crate::config;
use crate::sink::standard_error;
use crate::state::sandbox::{is_shut, set_filtered, set_shut};
use crate::state::thread::Busy;
use crate::system::errno::KeepErrno;
use crate::system::seccomp::{Instruction, MAX_INSTRUCTIONS, may_kill};

/// A filter that is about to be installed.
#[derive(Clone, Copy, Debug)]
pub enum Filter {
    /// Only `read`, `write`, `_exit` and `sigreturn` are left (`SECCOMP_MODE_STRICT`).
    Strict,
    /// The `struct sock_fprog` at this address.
    Program(usize),
}

/// A call that installs a filter. `fails` tells a failure from its result.
pub fn install<R: Copy>(filter: Filter, real: impl FnOnce() -> R, fails: impl FnOnce(R) -> bool) -> R {
    // Also where this thread cannot be watched: other threads fork, too.
    set_filtered();
    if is_shut() || this_thread::record().is_none() {
        return real();
    }
    let shuts = before(filter);
    set_shut(shuts);
    let result = real();
    if shuts && fails(result) {
        set_shut(false);
    }
    result
}

/// Whether the library must not make another system call. If so, writes its summary first.
fn before(filter: Filter) -> bool {
    let _errno = KeepErrno::save();
    let _busy = Busy::from_here();
    let mut killed_at = Some("a system call");
    let mut kills_reading = false;
    reporting::with_lock(|_| {
        let instructions = match filter {
            Filter::Strict => Vec::new(),
            Filter::Program(address) => read(address).unwrap_or_default(),
        };
        let kills = |number: i64| may_kill(&instructions, u32::try_from(number).unwrap_or(u32::MAX));
        killed_at = NEEDED.iter().find(|(number, _)| kills(*number)).map(|(_, name)| *name);
        kills_reading = kills(libc::SYS_process_vm_readv);
    });
    if kills_reading {
        memory::read_by_file_from_now_on();
    }
    let Some(name) = killed_at else { return false };
    at_exit::summarise();
    say(name);
    true
}

/// The instructions of the `struct sock_fprog` at this address.
fn read(address: usize) -> Option<Vec<Instruction>> {
    let memory = ProcessMemory::own();
    let count = memory.word(address)? & 0xffff;
    let first = memory.word(address + size_of::<usize>())?;
    if count > MAX_INSTRUCTIONS {
        return None;
    }
    let bytes = memory.bytes(first, count * size_of::<Instruction>())?;
    let instructions = bytes.as_chunks::<{ size_of::<Instruction>() }>().0.iter();
    let instruction = |&[a, b, if_true, if_false, rest @ ..]: &[u8; 8]| Instruction {
        code: u16::from_ne_bytes([a, b]),
        if_true,
        if_false,
        operand: u32::from_ne_bytes(rest),
    };
    Some(instructions.map(instruction).collect())
}

/// Says so once, in a fixed buffer, without allocating.
fn say(name: &str) {
    // Relaxed: one exchange wins.
    static SAID: AtomicBool = AtomicBool::new(false);
    if config::get().text != b"stderr" || SAID.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut line = [0_u8; 160];
    let parts = [
        "forkwatch: the program installs a seccomp filter that would kill it at ",
        name,
        ", which reports need; nothing more is reported from this process\n",
    ];
    let mut length = 0;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        if let Some(place) = line.get_mut(length) {
            *place = byte;
            length += 1;
        }
    }
    standard_error::write(line.get(..length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{Filter, install};
    use crate::state::sandbox::is_filtered;
    use crate::state::thread::Busy;

    #[test]
    fn a_filter_is_noted_also_where_its_thread_cannot_be_watched() {
        let _busy = Busy::from_here();
        assert!(!is_filtered());
        assert_eq!(install(Filter::Strict, || 7, |_| false), 7);
        assert!(is_filtered());
    }
}
