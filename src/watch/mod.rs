//! Watches the processes below us for forked children that will never go on, where the library in them cannot: a child that
//! hangs inside libc passes no hook.
//!
//! Once a second `/proc` is read, on a thread of its own: nobody is stopped, signalled or traced.
//!
//! | question | file |
//! |---|---|
//! | who descends from us? | `tree` |
//! | who has not moved for long? | `suspects` |
//! | could a signal still help? | `signals` |
//! | what is said of it? | `finding` |
//! | where is it said? | `sinks` |

mod finding;
mod signals;
mod sinks;
mod suspects;
mod tree;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::process::{FutexWait, Process, SystemCall};

pub use sinks::Sinks;
use suspects::{Look, Suspects};
use tree::{Member, Tree};

/// How often we look.
const INTERVAL: Duration = Duration::from_secs(1);

/// Of this many seconds, one may be spent looking: a machine with many processes is looked at less often.
const THRIFT: u32 = 100;

/// A watch that goes on until it is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Nothing is ever sent: that this end is gone is the message.
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
                pause = INTERVAL.max(start.elapsed() * THRIFT);
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
            // It may have ended while its stack was read, and another have taken its id.
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
