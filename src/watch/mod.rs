//! Watches our descendants for forked children that hang where their library cannot see it: a child that hangs inside libc
//! passes no hook.
//!
//! Its own thread reads `/proc` once a second: no process is stopped, signalled or traced.
//!
//! | question | file |
//! |---|---|
//! | which processes descend from us? | `tree` |
//! | which have not moved for long? | `suspects` |
//! | what is reported? | `finding` |
//! | where is it reported? | `sinks` |

mod finding;
mod sinks;
mod suspects;
mod tree;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::proc::{FutexWait, Process, SystemCall};

pub use sinks::Sinks;
use suspects::{Look, Suspects};
use tree::{Member, Tree};

/// The interval between checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// At most one second out of this many is spent checking: with many processes, checks are less frequent. Processor time
/// counts, so that a busy machine does not delay them, and findings, which are rare, cost nothing.
const PAUSE_FACTOR: u32 = 100;

/// A watch that runs until it is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Nothing is ever sent: closing this end is the message.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch everything below this process, which is ours.
    pub fn start(root: i32, sinks: Sinks) -> io::Result<Self> {
        let (end, ended) = channel();
        let thread = Builder::new().name("forkwatch-watch".into()).spawn(move || {
            let mut tree = Tree::below(Process(root));
            let mut suspects = Suspects::default();
            let mut pause = INTERVAL;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let start = processor_time();
                let members = tree.members();
                let stuck = stuck(&members, &mut suspects);
                pause = INTERVAL.max(processor_time().saturating_sub(start) * PAUSE_FACTOR);
                for member in stuck {
                    report(member, &suspects, &sinks);
                }
            }
        })?;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        // A finding that is being reported is reported in full.
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

/// The processor time that this thread has used.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Checks all processes and returns those that have not moved for long, once per wait.
fn stuck<'tree>(members: &'tree [Member], suspects: &mut Suspects) -> Vec<&'tree Member> {
    let looks = members
        .iter()
        .filter_map(|member| Some((member.key(), waiting(member)?)));
    let stuck = suspects.stuck(looks.collect(), Instant::now());
    members.iter().filter(|member| stuck.contains(&member.key())).collect()
}

fn report(member: &Member, suspects: &Suspects, sinks: &Sinks) {
    if let Some(finding) = finding::of(member, sinks)
        // It may have ended while its stack was read, and another process may have its id.
        && waiting(member).is_some_and(|look| suspects.is_unmoved(member.key(), &look))
        && member.is_same()
        && sinks.is_watched(&finding)
        && !sinks.is_suppressed(&finding)
    {
        sinks.report(&finding);
    }
}

/// How the process waits, if it is a forked child with one thread in a wait that nobody can end.
fn waiting(member: &Member) -> Option<Look> {
    let stat = &member.stat;
    if !stat.is_forked || stat.threads != 1 || stat.state != 'S' {
        return None;
    }
    let call: SystemCall = member.process.system_call().ok()?;
    FutexWait::of(&call).filter(|wait| wait.is_for_ever())?;
    let waits = member.process.status().ok()?.waits;
    Some(Look { call, waits })
}
