//! How the child of a reported fork ended: in `exec` or in its exit. Only written to the log.

use core::ffi::CStr;

use forkwatch_process::file;
use forkwatch_process::memory::ProcessMemory;
use forkwatch_schema::record::Outcome;

use super::attempt;
use crate::config;
use crate::record;
use crate::sink::output;
use crate::state::forked_child;
use crate::state::sandbox;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::printable::printable;
use crate::system::process;
use crate::verdict::fork_record;
use crate::watch::fork_judgement::judge;
use crate::watch::{new_process, report, reporting};

/// The longest path that is read.
const MAX_PATH: usize = 4096;

/// How a call of the exec family names its program.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// The address of a path.
    Path(usize),
    /// The address of a name that is searched for in `PATH` if it has no slash.
    Name(usize),
    /// A descriptor.
    Descriptor(i32),
}

/// Before a call that executes another program.
pub fn executes(program: Program) {
    let Some(thread) = may_matter() else { return };
    let _errno = KeepErrno::save();
    if !process::owns_state() && !is_child_of_new_fork() {
        // A `vfork` child, whose memory is its parent's, or a child that has asked for no lock yet.
        return;
    }
    attempt::report_last(thread);
    let Some(path) = runnable(program) else { return };
    outcome(thread, Outcome::Exec, Some(path));
}

/// This process ends.
#[unsafe(link_section = ".text.forkwatch_child")]
#[expect(unsafe_code, reason = "code that every child runs lies together")]
pub fn ends() {
    if let Some(thread) = may_matter()
        && (attempt::are_any_kept() || is_child_of_new_fork())
    {
        ends_with_news(thread);
    }
}

#[cold]
#[inline(never)]
fn ends_with_news(thread: &'static Thread) {
    let _errno = KeepErrno::save();
    attempt::report_last(thread);
    outcome(thread, Outcome::Exit, None);
}

/// This thread, in a watched child; elsewhere there is nothing to do.
#[inline(always)]
fn may_matter() -> Option<&'static Thread> {
    if forked_child::is_watched() && !sandbox::is_shut() {
        Thread::current()
    } else {
        None
    }
}

fn outcome(thread: &'static Thread, outcome: Outcome, program: Option<String>) {
    if !is_child_of_new_fork() || !config::get().keeps_records() {
        return;
    }
    let _busy = Busy::from_here();
    if !new_process::may_report(thread) {
        return;
    }
    reporting::with_lock(|lock| {
        let Some(fork) = fork_record::newest(lock) else { return };
        let Some(seen) = &fork.seen else { return };
        if seen.reported_before || fork.parent_reports == Some(false) || !judge(seen, false).outcome.is_finding() {
            return;
        }
        let content = record::fork_outcome::content(fork, outcome, program);
        if let Some(record) = report::unless_suppressed(content, None) {
            output::write_to_log(&record);
        }
    });
}

/// Whether this process is itself the child of a fork in which its parent saw something new.
#[inline(always)]
fn is_child_of_new_fork() -> bool {
    fork_record::made_by_new_fork()
}

/// The program's file, if the call will find one that can be executed.
fn runnable(program: Program) -> Option<String> {
    match program {
        Program::Descriptor(number) => {
            let link = format!("/proc/self/fd/{number}");
            let path = rustix::fs::readlinkat(rustix::fs::CWD, link.as_str(), Vec::new()).ok()?;
            Some(printable(path.to_bytes()))
        }
        Program::Path(address) => if_runnable(&text_at(address)?),
        Program::Name(address) => {
            let name = text_at(address)?;
            if name.contains(&b'/') {
                return if_runnable(&name);
            }
            let path = config::environment_variable(b"PATH").unwrap_or_else(|| b"/bin:/usr/bin".to_vec());
            path.split(|&byte| byte == b':')
                .find_map(|folder| if_runnable(&[folder, b"/", &name[..]].concat()))
        }
    }
}

fn if_runnable(path: &[u8]) -> Option<String> {
    file::is_program(path).then(|| printable(path))
}

fn text_at(address: usize) -> Option<Vec<u8>> {
    let mut text = vec![0; MAX_PATH];
    let length = ProcessMemory::own().read_some(address, &mut text);
    let text = CStr::from_bytes_until_nul(text.get(..length)?).ok()?;
    Some(text.to_bytes().to_vec())
}
