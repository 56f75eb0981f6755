//! The program's parent, if an option needs one: it passes signals on, waits, and ends the way the program ended.
//!
//! Signals are blocked and read from a signalfd(2), never handled, so the program inherits which of them are ignored
//! (`nohup`, background jobs) just as without us, and gets the mask that we were started with.

use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::libc::signalfd_siginfo;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, WaitOptions, getpid, kill_process, set_dumpable_behavior, setrlimit,
    waitpid,
};

use crate::exit_codes::SIGNAL_BASE;
use crate::run::watchable::Program;
use crate::watch::{Sinks, Watch};

/// The signals that are passed on.
const FORWARDED: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGCONT,
    Signal::SIGTSTP,
];

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Status(u8),
    /// This signal ended it.
    Signal(i32),
}

/// Starts the program, watches what it forks, and waits for its end.
pub fn run(program: &Program, variables: &[(OsString, OsString)], sinks: Sinks) -> io::Result<Ending> {
    let mut signals: SigSet = FORWARDED.into_iter().collect();
    signals.add(Signal::SIGCHLD);
    // A process that ignores SIGCHLD does not learn of its children's ends, and that setting may be inherited.
    signal_hook::flag::register(signal_hook::consts::SIGCHLD, Arc::new(AtomicBool::new(false)))?;
    let mask = SigSet::thread_get_mask()?;
    signals.thread_block()?;
    let arriving = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?;
    let child = spawn(program, variables, &mask)?;
    // Its thread inherits the blocked signals; if it cannot be started, the program still runs.
    let _watch = Watch::start(child.as_raw_pid(), sinks).ok();
    let mut job = Job::default();
    loop {
        let Some(signal) = arriving.read_signal()? else {
            continue;
        };
        if signal.ssi_signo == Signal::SIGCHLD as u32 {
            // One SIGCHLD may announce several events.
            let events = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
            while let Some((_, status)) = waitpid(Some(child), events)? {
                if let Some(code) = status.exit_status() {
                    return Ok(Ending::Status(u8::try_from(code).unwrap_or(u8::MAX)));
                }
                if let Some(signal) = status.terminating_signal() {
                    return Ok(Ending::Signal(signal));
                }
                job.program_stopped = status.stopped();
            }
        } else {
            job.asked_to_stop |= signal.ssi_signo == Signal::SIGTSTP as u32;
            job.asked_to_stop &= signal.ssi_signo != Signal::SIGCONT as u32;
            forward(&signal, child);
        }
        job.follow()?;
    }
}

/// What is known of the job being stopped, by `^Z` for example.
#[derive(Debug, Default)]
struct Job {
    /// We were asked to stop.
    asked_to_stop: bool,
    /// The program has stopped.
    program_stopped: bool,
}

impl Job {
    /// Stops this process once both are true, in either order: a shell waits until the whole job has stopped.
    ///
    /// A program that ignores `^Z` keeps its parent; and when the program alone was stopped, nobody would wake us again.
    fn follow(&mut self) -> io::Result<()> {
        if self.asked_to_stop && self.program_stopped {
            self.asked_to_stop = false;
            kill_process(getpid(), rustix::process::Signal::STOP)?;
        }
        Ok(())
    }
}

fn spawn(program: &Program, variables: &[(OsString, OsString)], mask: &SigSet) -> io::Result<Pid> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    attributes.set_sigmask(mask)?;
    // Rust's runtime ignores SIGPIPE.
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    let actions = PosixSpawnFileActions::init()?;
    let arguments: Vec<CString> = program
        .arguments
        .iter()
        .map(|word| c_string(word.clone()))
        .collect::<io::Result<_>>()?;
    let child = posix_spawn(
        &*program.path,
        &actions,
        &attributes,
        &arguments,
        &environment(variables)?,
    )?;
    Pid::from_raw(child.as_raw()).ok_or(io::ErrorKind::Other.into())
}

/// Our own environment with these variables changed.
fn environment(variables: &[(OsString, OsString)]) -> io::Result<Vec<CString>> {
    let kept = env::vars_os().filter(|(name, _)| !variables.iter().any(|(changed, _)| changed == name));
    kept.chain(variables.iter().cloned())
        .map(|(mut entry, value)| {
            entry.push("=");
            entry.push(value);
            c_string(entry)
        })
        .collect()
}

fn c_string(text: OsString) -> io::Result<CString> {
    Ok(CString::new(text.into_vec())?)
}

/// Passes a signal on, unless the program has it already.
fn forward(signal: &signalfd_siginfo, child: Pid) {
    // Positive codes are the kernel's own: a terminal sends its signals to the whole foreground group, program included.
    let is_from_kernel = signal.ssi_code > 0;
    // A program that signals its own group means itself too, and has already received it.
    let is_from_child = signal.ssi_pid.cast_signed() == child.as_raw_pid();
    if is_from_kernel || is_from_child {
        return;
    }
    let number = signal.ssi_signo.cast_signed();
    if let Some(signal) = rustix::process::Signal::from_named_raw(number) {
        // It may have ended by now, before its SIGCHLD has arrived.
        let _ = kill_process(child, signal);
    }
}

/// Ends this process by the signal that ended the program; returns the status to exit with if that is impossible.
pub fn die_by(signal: i32) -> u8 {
    // The program has already written its core file, if any; ours would overwrite it.
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    // The limit does not hold where cores go to a pipe, see core(5).
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // Returns only for a signal that it does not know, such as a real-time one.
    let _unknown = signal_hook::low_level::emulate_default_handler(signal);
    SIGNAL_BASE.saturating_add(u8::try_from(signal).unwrap_or(0))
}
