//! A small debugger: follows one thread of a program through the library's instructions, and sends it a signal at one of them.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// How long nothing may move before the program counts as hanging. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// `si_code` of an `int3` in the program's code.
const SI_KERNEL: i32 = 0x80;

/// Stands for a stop at a system call, as nobody sends this signal.
const CALLS: Signal = Signal::SIGSYS;

/// What the program hands over in its accumulator when it traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Right before the call that is stepped through.
    Begin,
    /// Right after it.
    End,
}

/// An instruction of the library's, and how often the call had come by before: the same in each call that takes the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub address: usize,
    pub visits: u32,
}

/// What came of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The handler ran right there.
    There,
    /// The library had signals blocked there: the handler ran later.
    Blocked,
    /// This call did not come by.
    Missed,
}

/// A program that is followed. It ends with this value.
pub struct Debugger {
    pid: Pid,
    library: Range<usize>,
    moves: Arc<AtomicU64>,
}

impl Debugger {
    /// Starts the program, up to its first trap.
    pub fn start(command: &mut Command, library: &str) -> Result<Self, String> {
        command.process_group(0);
        // SAFETY: between fork and exec only two system calls are made.
        unsafe { command.pre_exec(|| ptrace::traceme().map_err(io::Error::from)) };
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids fit"));
        let moves = Arc::new(AtomicU64::new(0));
        kill_when_still(pid, Arc::downgrade(&moves));
        let mut debugger = Self {
            pid,
            library: 0..0,
            moves,
        };
        debugger.wait()?;
        let options = ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACESYSGOOD;
        ptrace::setoptions(pid, options).map_err(|error| error.to_string())?;
        debugger.go_to_trap()?;
        debugger.library = code_of(library, pid)?;
        Ok(debugger)
    }

    /// Steps from the first trap to the second, and gives the library's instructions on the way at which a signal can arrive.
    pub fn record(&self) -> Result<Vec<Instruction>, String> {
        let mut visits = HashMap::new();
        let mut way = Vec::new();
        while let Some(address) = self.step_in_library()? {
            let visits = visits.entry(address).or_insert(0);
            way.push(Instruction {
                address,
                visits: *visits,
            });
            *visits += 1;
        }
        Ok(way)
    }

    /// Goes on from the first trap to the second, and sends the signal at the library's instruction of this number, wherever it
    /// is.
    pub fn send_at_number(&self, signal: Signal, number: usize) -> Result<Sent, String> {
        for _ in 0..=number {
            if self.step_in_library()?.is_none() {
                return Ok(Sent::Missed);
            }
        }
        self.send_here(signal)
    }

    /// As [`Self::send_at_number`], at this instruction; for long ways, as nothing is stepped through.
    pub fn send_at(&self, signal: Signal, at: Instruction) -> Result<Sent, String> {
        let mut visits = 0;
        self.set_breakpoint(Some(at.address))?;
        loop {
            match self.go_on(None)? {
                Signal::SIGTRAP if self.is_trap()? => {
                    self.set_breakpoint(None)?;
                    return Ok(Sent::Missed);
                }
                Signal::SIGTRAP if visits < at.visits => visits += 1,
                Signal::SIGTRAP => break,
                other => return Err(format!("{other} before the signal was sent")),
            }
        }
        self.set_breakpoint(None)?;
        self.send_here(signal)
    }

    /// Steps to the library's next instruction at which a signal can arrive, and gives its address; `None` at the second trap.
    fn step_in_library(&self) -> Result<Option<usize>, String> {
        /// The length of the instruction for a system call, one of which blocks signals.
        const CALL: usize = 2;
        let mut passed_on = None;
        let mut before = self.address()?;
        loop {
            ptrace::step(self.pid, passed_on).map_err(|error| error.to_string())?;
            passed_on = None;
            match self.wait()? {
                Signal::SIGTRAP if self.is_trap()? => return Ok(None),
                Signal::SIGTRAP => {}
                Signal::SIGCHLD => passed_on = Some(Signal::SIGCHLD),
                other => return Err(format!("{other} while stepping")),
            }
            let mut address = self.address()?;
            if address == before + CALL && self.blocks(Signal::SIGUSR1)? {
                self.go_on_until_unblocked()?;
                address = self.address()?;
            }
            before = address;
            if passed_on.is_none() && self.library.contains(&address) {
                return Ok(Some(address));
            }
        }
    }

    /// Goes on from system call to system call while signals are blocked.
    fn go_on_until_unblocked(&self) -> Result<(), String> {
        let mut passed_on = None;
        while self.blocks(Signal::SIGUSR1)? {
            ptrace::syscall(self.pid, passed_on.take()).map_err(|error| error.to_string())?;
            match self.wait()? {
                CALLS => {}
                // Not blocked, as it has no handler.
                Signal::SIGCHLD => passed_on = Some(Signal::SIGCHLD),
                other => return Err(format!("{other} while signals are blocked")),
            }
        }
        Ok(())
    }

    fn send_here(&self, signal: Signal) -> Result<Sent, String> {
        let blocked = self.blocks(signal)?;
        let mut next = self.go_on(Some(signal))?;
        while next == signal {
            // It was blocked, and now it is not.
            next = self.go_on(Some(signal))?;
        }
        match next {
            Signal::SIGTRAP if blocked => Ok(Sent::Blocked),
            Signal::SIGTRAP => Ok(Sent::There),
            other => Err(format!("{other} at {:#x} after the signal", self.address()?)),
        }
    }

    /// Goes on to the next trap.
    pub fn go_to_trap(&self) -> Result<Place, String> {
        match self.go_on(None)? {
            Signal::SIGTRAP => self.place(),
            other => Err(format!("{other} at {:#x}", self.address()?)),
        }
    }

    /// Answers the program's first trap with a word.
    pub fn answer(&self, word: u64) -> Result<(), String> {
        let mut registers = ptrace::getregs(self.pid).map_err(|error| error.to_string())?;
        registers.rax = word;
        ptrace::setregs(self.pid, registers).map_err(|error| error.to_string())
    }

    /// Lets the program go on to its end, and gives its exit status.
    pub fn finish(self) -> Result<i32, String> {
        loop {
            ptrace::cont(self.pid, None).map_err(|error| error.to_string())?;
            match waitpid(self.pid, None).map_err(|error| error.to_string())? {
                WaitStatus::Exited(_, status) => return Ok(status),
                WaitStatus::Stopped(_, Signal::SIGTRAP | Signal::SIGCHLD) => {}
                other => return Err(format!("{other:?} before the end")),
            }
        }
    }

    /// An address of the library's as an offset from its first instruction.
    pub fn offset(&self, at: Instruction) -> usize {
        at.address - self.library.start
    }

    fn place(&self) -> Result<Place, String> {
        let registers = ptrace::getregs(self.pid).map_err(|error| error.to_string())?;
        Ok(if registers.rax == 1 { Place::Begin } else { Place::End })
    }

    fn address(&self) -> Result<usize, String> {
        let registers = ptrace::getregs(self.pid).map_err(|error| error.to_string())?;
        usize::try_from(registers.rip).map_err(|error| error.to_string())
    }

    /// Whether the program stands behind one of its own traps, not at a step or a breakpoint of ours.
    fn is_trap(&self) -> Result<bool, String> {
        let info = ptrace::getsiginfo(self.pid).map_err(|error| error.to_string())?;
        Ok(info.si_code == SI_KERNEL)
    }

    /// Goes on, with a signal for the program; gives the next one. The end of its children is none of our business.
    fn go_on(&self, signal: Option<Signal>) -> Result<Signal, String> {
        let mut signal = signal;
        loop {
            ptrace::cont(self.pid, signal).map_err(|error| error.to_string())?;
            signal = match self.wait()? {
                Signal::SIGCHLD => Some(Signal::SIGCHLD),
                other => return Ok(other),
            };
        }
    }

    fn wait(&self) -> Result<Signal, String> {
        self.moves.fetch_add(1, Ordering::Relaxed);
        match waitpid(self.pid, None).map_err(|error| error.to_string())? {
            WaitStatus::Stopped(_, signal) => Ok(signal),
            WaitStatus::PtraceSyscall(_) => Ok(CALLS),
            other => Err(format!("ended: {other:?}")),
        }
    }

    /// Sets the thread's one breakpoint, in a register of the processor's: the memory that children copy stays as it is.
    fn set_breakpoint(&self, address: Option<usize>) -> Result<(), String> {
        let write = |register: usize, word: usize| {
            let place = std::mem::offset_of!(libc::user, u_debugreg) + register * size_of::<usize>();
            let word = i64::try_from(word).map_err(|error| error.to_string())?;
            ptrace::write_user(self.pid, place as *mut c_void, word).map_err(|error| format!("no breakpoint: {error}"))
        };
        match address {
            // Register 7 turns the others on: its lowest bit, the one in register 0, for instructions.
            Some(address) => write(0, address).and_then(|()| write(7, 1)),
            None => write(7, 0),
        }
    }

    fn blocks(&self, signal: Signal) -> Result<bool, String> {
        let mut mask = 0_u64;
        // SAFETY: the request writes this many bytes at that address.
        let result = unsafe {
            libc::ptrace(
                libc::PTRACE_GETSIGMASK,
                self.pid.as_raw(),
                size_of_val(&mask),
                &raw mut mask,
            )
        };
        match result {
            0 => Ok(mask & (1 << (signal as i32 - 1)) != 0),
            _ => Err(io::Error::last_os_error().to_string()),
        }
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let _ended_is_fine = killpg(self.pid, Signal::SIGKILL);
        while waitpid(self.pid, None).is_ok_and(|status| matches!(status, WaitStatus::Stopped(..))) {}
    }
}

/// Kills the program when nothing has moved for so long, so that who waits for it hears of its end.
fn kill_when_still(pid: Pid, moves: std::sync::Weak<AtomicU64>) {
    std::thread::spawn(move || {
        let mut before = u64::MAX;
        let mut still = Duration::ZERO;
        const LOOK: Duration = Duration::from_millis(200);
        while let Some(moves) = moves.upgrade() {
            let now = moves.load(Ordering::Relaxed);
            still = if now == before { still + LOOK } else { Duration::ZERO };
            before = now;
            if still > PATIENCE {
                let _ended_is_fine = kill(pid, Signal::SIGKILL);
                return;
            }
            drop(moves);
            std::thread::sleep(LOOK);
        }
    });
}

/// Where the code of this file lies in the process.
fn code_of(file: &str, pid: Pid) -> Result<Range<usize>, String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|error| error.to_string())?;
    let line = maps
        .lines()
        .find(|line| line.ends_with(file) && line.contains(" r-xp "));
    let range = line.and_then(|line| line.split_whitespace().next()?.split_once('-'));
    let number = |text| usize::from_str_radix(text, 16).map_err(|error| error.to_string());
    let (start, end) = range.ok_or(format!("{file} is not loaded"))?;
    Ok(number(start)?..number(end)?)
}
