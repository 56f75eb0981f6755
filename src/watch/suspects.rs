//! Processes that have waited in the same place for a long time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::tree::Key;
use crate::proc::SystemCall;

/// A wait counts after this time. Nobody can end it anyway, but the library in the child should report first.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a process waited at the last check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The system call with its arguments and registers.
    pub call: SystemCall,
    /// How often it had blocked: a process that waits in the same place again has run in between.
    pub waits: u64,
}

#[derive(Debug)]
struct Suspect {
    look: Look,
    since: Instant,
    was_named: bool,
}

/// The processes that waited at the last check.
#[derive(Debug, Default)]
pub struct Suspects(BTreeMap<Key, Suspect>);

impl Suspects {
    /// Checks all processes and returns those that have not moved for long, once per wait.
    pub fn stuck(&mut self, looks: Vec<(Key, Look)>, now: Instant) -> Vec<Key> {
        let mut before = std::mem::take(&mut self.0);
        let mut stuck = Vec::new();
        for (key, look) in looks {
            let same = before.remove(&key).filter(|suspect| suspect.look == look);
            let mut suspect = same.unwrap_or(Suspect {
                look,
                since: now,
                was_named: false,
            });
            if !suspect.was_named && now.duration_since(suspect.since) >= PATIENCE {
                suspect.was_named = true;
                stuck.push(key);
            }
            self.0.insert(key, suspect);
        }
        stuck
    }

    /// Whether this check made the process a suspect.
    pub fn is_unmoved(&self, key: Key, look: &Look) -> bool {
        self.0.get(&key).is_some_and(|suspect| suspect.look == *look)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Look, Suspects};
    use crate::proc::{Process, SystemCall};

    #[test]
    fn a_wait_is_named_once_and_only_if_nothing_moved() {
        let mut suspects = Suspects::default();
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let look = |waits: u64| Look {
            call: SystemCall::None,
            waits,
        };
        let (still, busy, reborn) = ((Process(1), 1), (Process(2), 2), (Process(3), 3));
        let first = vec![(still, look(1)), (busy, look(1)), (reborn, look(1))];
        assert!(suspects.stuck(first, start).is_empty());
        let early = vec![(still, look(1)), (busy, look(2)), (reborn, look(1))];
        assert!(suspects.stuck(early, after(4)).is_empty());
        // The third one's id belongs to another process now.
        let late = vec![(still, look(1)), (busy, look(2)), ((Process(3), 9), look(1))];
        assert_eq!(suspects.stuck(late, after(6)), [still]);
        assert!(suspects.is_unmoved(still, &look(1)) && !suspects.is_unmoved(still, &look(2)));
        let later = vec![(still, look(1)), (busy, look(2))];
        assert_eq!(suspects.stuck(later, after(9)), [busy]);
    }
}
