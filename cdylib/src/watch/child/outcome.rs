//! What became of the child of a reported fork: another program, or its end. Only the log hears of it.
#![expect(unsafe_code, reason = "the stories belong to whoever tells")]

use core::ffi::CStr;

use forkwatch_process::file;
use forkwatch_process::memory::ProcessMemory;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, ForkOutcome, Outcome};

use super::attempt;
use crate::config;
use crate::record::envelope::Content;
use crate::record::printable::printable;
use crate::state::descent;
use crate::state::thread::{Busy, Thread};
use crate::system::errno::KeepErrno;
use crate::system::process;
use crate::watch::judge::{judge, sealed};
use crate::watch::tell::tell_log;
use crate::watch::{counts, fork, story};

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
    if !process::is_known() && !is_child_of_story() {
        // The child of a `vfork`, whose memory is its parent's, or one that has asked for no lock yet.
        return;
    }
    attempt::tell_last(thread);
    let Some(path) = runnable(program) else { return };
    outcome(thread, Outcome::Exec, Some(path));
}

/// This process ends.
#[unsafe(link_section = ".text.forkwatch_child")]
pub fn ends() {
    let Some(thread) = may_matter() else { return };
    let _errno = KeepErrno::as_it_is();
    attempt::tell_last(thread);
    outcome(thread, Outcome::Exit, None);
}

/// In most processes, nothing has to be done at all.
#[inline(always)]
fn may_matter() -> Option<&'static Thread> {
    if descent::is_watched() { Thread::current() } else { None }
}

fn outcome(thread: &'static Thread, outcome: Outcome, program: Option<String>) {
    if !is_child_of_story() || config::get().log.is_none() {
        return;
    }
    let _busy = Busy::from_here();
    if !fork::may_tell_of_child(thread) {
        return;
    }
    fork::while_no_fork(|| {
        // SAFETY: this thread holds the lock on all telling.
        let Some(story) = (unsafe { story::of(story::newest_number()) }) else {
            return;
        };
        let Some(seen) = &story.seen else { return };
        let silent_before = !counts::any_finding();
        if seen.told_before || story.told == Some(false) || !judge(seen).is_finding() {
            return;
        }
        if silent_before {
            // What the judgement counted is the parent's.
            counts::begin_anew();
        }
        let content = Content {
            severity: Severity::Info,
            kind: Kind::ForkOutcome,
            fingerprint: fingerprint::of_kind(Kind::ForkOutcome),
            fork_id: Some(story.origin.id.to_string()),
            detail: Detail::ForkOutcome(ForkOutcome {
                child_pid: story.child,
                outcome,
                program,
            }),
        };
        if let Some(record) = sealed(content, None) {
            tell_log(&record);
        }
    });
}

/// Whether this is the very child of a fork that its parent looked at for the first time.
fn is_child_of_story() -> bool {
    story::made_with_news(process::id())
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
