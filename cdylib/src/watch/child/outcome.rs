//! What became of the child of a reported fork: another program, or its end. Only the log hears of it.

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
const LONGEST_PATH: usize = 4096;

/// What a call of the exec family names its program by.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// The address of a path.
    Path(usize),
    /// The address of a name that is looked for in `PATH`, where it has no slash.
    Name(usize),
    /// A descriptor.
    Descriptor(i32),
}

/// Before a call that makes this process another program.
pub fn executes(program: Program) {
    let Some(thread) = may_matter() else { return };
    let _errno = KeepErrno::as_it_is();
    if !process::is_known() && !is_child_of_new_fork() {
        // The child of a `vfork`, whose memory is its parent's, or one that has asked for no lock yet.
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
    let Some(thread) = may_matter() else { return };
    let _errno = KeepErrno::as_it_is();
    attempt::report_last(thread);
    outcome(thread, Outcome::Exit, None);
}

/// In most processes, nothing has to be done at all.
#[inline(always)]
fn may_matter() -> Option<&'static Thread> {
    if forked_child::is_watched() && !sandbox::is_shut() {
        Thread::current()
    } else {
        None
    }
}

fn outcome(thread: &'static Thread, outcome: Outcome, program: Option<String>) {
    if !is_child_of_new_fork() || config::get().log.is_none() {
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

/// Whether this is the very child of a fork that its parent looked at for the first time.
fn is_child_of_new_fork() -> bool {
    fork_record::made_with_news(process::id())
}

/// The program's file, if the call will find one that may be run.
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
    let mut text = vec![0; LONGEST_PATH];
    let length = ProcessMemory::own().read_some(address, &mut text);
    let text = CStr::from_bytes_until_nul(text.get(..length)?).ok()?;
    Some(text.to_bytes().to_vec())
}
