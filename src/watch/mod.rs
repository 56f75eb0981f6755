//! Watches our descendants for forked children that hang where their library cannot see it: a child that hangs inside libc
//! passes no hook.
//!
//! Its own thread reads `/proc` once a second: no process is stopped, signalled or traced.
//!
//! | question | file |
//! |---|---|
//! | which processes descend from us? | `tree` |
//! | which have not moved for long? | `suspects` |
//! | could a signal still help? | `signals` |
//! | what is reported? | `finding` |
//! | where is it reported? | `sinks` |

mod finding;
mod signals;
mod sinks;
mod suspects;
mod tree;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::proc::{FutexWait, Process, SystemCall};

pub use sinks::Sinks;
use suspects::{Look, Suspects};
use tree::{Member, Tree};

/// The interval between checks.
const INTERVAL: Duration = Duration::from_secs(1);

/// At most one second out of this many is spent checking: with many processes, checks are less frequent.
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
                let start = Instant::now();
                look(&mut tree, &mut suspects, &sinks);
                pause = INTERVAL.max(start.elapsed() * PAUSE_FACTOR);
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

fn look(tree: &mut Tree, suspects: &mut Suspects, sinks: &Sinks) {
    let members = tree.members();
    let looks = members
        .iter()
        .filter_map(|member| Some((member.key(), waiting(member)?)));
    for key in suspects.stuck(looks.collect(), Instant::now()) {
        let Some(member) = members.iter().find(|member| member.key() == key) else {
            continue;
        };
        if let Some(finding) = finding::of(member, sinks)
            // It may have ended while its stack was read, and another process may have its id.
            && waiting(member).is_some_and(|look| suspects.is_unmoved(key, &look))
            && member.is_same()
            && !sinks.is_suppressed(&finding)
        {
            sinks.report(&finding);
        }
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
