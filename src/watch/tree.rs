//! Which processes descend from one.

use std::collections::{BTreeMap, BTreeSet};

use crate::proc::{Process, Stat, all};

/// Identifies a process for ever: its id and start time.
pub type Key = (Process, u64);

/// A process of the tree.
#[derive(Clone, Debug)]
pub struct Member {
    /// The process.
    pub process: Process,
    /// Its state at the last check.
    pub stat: Stat,
}

impl Member {
    /// Distinguishes it from a later process with the same id.
    pub fn key(&self) -> Key {
        (self.process, self.stat.started)
    }

    /// Whether the id still is this process's.
    pub fn is_same(&self) -> bool {
        self.process.stat().is_ok_and(|stat| stat.started == self.stat.started)
    }
}

/// A process and its descendants, including those whose parents have ended.
#[derive(Debug)]
pub struct Tree {
    root: Process,
    known: BTreeSet<Key>,
}

impl Tree {
    /// The tree below a process.
    pub fn below(root: Process) -> Self {
        Self {
            root,
            known: BTreeSet::new(),
        }
    }

    /// All members that are there now.
    pub fn members(&mut self) -> Vec<Member> {
        let now = all().filter_map(|process| {
            let stat = process.stat().ok()?;
            Some(Member { process, stat })
        });
        self.select(now.collect())
    }

    /// The members among these processes, which are remembered: once a member, always a member, whichever process adopts it.
    fn select(&mut self, now: Vec<Member>) -> Vec<Member> {
        let mut children: BTreeMap<i32, Vec<&Member>> = BTreeMap::new();
        for member in &now {
            children.entry(member.stat.parent).or_default().push(member);
        }
        let mut found = BTreeSet::new();
        let is_start = |member: &&Member| member.process == self.root || self.known.contains(&member.key());
        let mut open: Vec<&Member> = now.iter().filter(is_start).collect();
        while let Some(member) = open.pop() {
            if found.insert(member.key()) {
                open.extend(children.get(&member.process.0).into_iter().flatten());
            }
        }
        self.known = found;
        now.into_iter()
            .filter(|member| self.known.contains(&member.key()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, Tree};
    use crate::proc::{Process, Stat};

    fn member(pid: i32, parent: i32, started: u64) -> Member {
        let stat = Stat {
            name: "x".into(),
            state: 'S',
            parent,
            is_forked: true,
            threads: 1,
            started,
        };
        Member {
            process: Process(pid),
            stat,
        }
    }

    fn ids(members: &[Member]) -> Vec<i32> {
        members.iter().map(|member| member.process.0).collect()
    }

    #[test]
    fn members_stay_members() {
        let mut tree = Tree::below(Process(10));
        let first = vec![
            member(1, 0, 0),
            member(10, 1, 5),
            member(11, 10, 6),
            member(12, 11, 7),
            member(20, 1, 4),
        ];
        assert_eq!(ids(&tree.select(first)), [10, 11, 12]);
        // 11 has ended and 1 has adopted 12, which has a new child; 11 is another process's id now.
        let second = vec![member(10, 1, 5), member(12, 1, 7), member(13, 12, 9), member(11, 1, 9)];
        assert_eq!(ids(&tree.select(second)), [10, 12, 13]);
    }
}
