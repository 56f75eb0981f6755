//! What every Rust test program needs: gates that order threads without sleeping, and the verdict on a forked child. The C
//! programs' `program.h` in Rust.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process;
use std::time::Duration;

use libc::{c_int, pid_t};

/// Exit code: the child ended as it should.
pub const FINE: i32 = 0;
/// Exit code: the hazard was realised.
pub const REALISED: i32 = 3;
/// Exit code: something that cannot fail did.
pub const BROKEN: i32 = 5;

/// A pipe as a gate: each `open` lets one `pass` through.
#[derive(Debug)]
pub struct Gate {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "making a pipe is no default")]
    pub fn new() -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        Self { reader, writer }
    }

    /// Lets one `pass` through.
    pub fn open(&self) {
        (&self.writer).write_all(&[0]).expect("the gate can be opened");
    }

    /// Waits for one `open`.
    pub fn pass(&self) {
        (&self.reader).read_exact(&mut [0]).expect("the gate can be passed");
    }
}

/// Waits for ever, without a lock.
pub fn idle_for_ever() -> ! {
    loop {
        // SAFETY: `pause` takes nothing and changes nothing.
        unsafe { libc::pause() };
    }
}

/// Forks, and runs `in_child` in the child, which then ends.
#[inline(always)]
pub fn fork_and(in_child: impl FnOnce()) -> pid_t {
    // SAFETY: whether this is safe is what the program is about.
    let child = unsafe { libc::fork() };
    if child == 0 {
        in_child();
        // SAFETY: ends this process, running nothing.
        unsafe { libc::_exit(FINE) };
    }
    child
}

/// A line on standard output in one write, without the lock of the standard library's, which a thread may hold.
pub fn say(line: &str) {
    let line = format!("{line}\n");
    // SAFETY: the text lives through the call.
    let written = unsafe { libc::write(libc::STDOUT_FILENO, line.as_ptr().cast(), line.len()) };
    assert_eq!(written, line.len().cast_signed(), "the line is written");
}

/// Waits for the child, reports its end, and returns the exit code: fine, or stuck for ever (then it is killed).
pub fn verdict(child: pid_t) -> i32 {
    loop {
        let mut status: c_int = 0;
        // SAFETY: `status` is ours.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            if status == 0 {
                say("child: fine");
                return FINE;
            }
            say(&format!("child: ended with status {status:#x}"));
            return BROKEN;
        }
        if waits_for_ever(child) {
            // SAFETY: a child of ours that was not reaped yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            say("child: stuck");
            return REALISED;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the process waits on a futex without a time-out.
fn waits_for_ever(process: pid_t) -> bool {
    let text = fs::read_to_string(format!("/proc/{process}/syscall")).unwrap_or_default();
    let mut words = text.split(' ');
    words.next() == Some(&libc::SYS_futex.to_string()) && words.nth(3) == Some("0x0")
}

/// The first argument.
pub fn mode() -> String {
    std::env::args().nth(1).unwrap_or_else(|| {
        eprintln!("broken: the program takes a mode");
        process::exit(BROKEN)
    })
}
