//! The two halves of each fork, joined by `fork_id`: what the parent and the child reported, and what the child did next.
//!
//! Five million forks must fit into memory, so each half is eight bytes: a hash of the fork, the number of the fingerprint
//! and the severity. Hashes are 48 bits, of which the six that choose the bucket are not stored.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_schema::kind::Severity;
use rustc_hash::FxHashMap;

const BUCKETS: usize = 64;
const NUMBER_BITS: u32 = 20;
const SEVERITY_BITS: u32 = 2;
const LOW_BITS: u32 = NUMBER_BITS + SEVERITY_BITS;
/// In place of a fingerprint: the child went on to exec.
const EXEC: u32 = (1 << NUMBER_BITS) - 1;
/// In place of a fingerprint: the child ended.
const EXIT: u32 = EXEC - 1;
/// Fingerprints beyond these are counted, but not joined.
const MAX_NUMBERS: u32 = EXIT;
/// A bit set of the forks whose child has reported something: 16 KiB, which stay in the cache.
const SEEN_WORDS: usize = 2048;

/// The halves that one thread saw.
#[derive(Debug)]
pub struct Forks {
    parents: [Vec<u64>; BUCKETS],
    children: [Vec<u64>; BUCKETS],
}

impl Default for Forks {
    fn default() -> Self {
        Self {
            parents: std::array::from_fn(|_| Vec::new()),
            children: std::array::from_fn(|_| Vec::new()),
        }
    }
}

/// The outcome of the forks of one fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Records whose child went on to exec.
    pub exec: u64,
    /// Records whose child ended.
    pub exit: u64,
    /// The worst that a child reported.
    pub worst: Option<Severity>,
    /// The fingerprints that the children reported.
    pub followed_by: Vec<Follower>,
}

/// A fingerprint that children of another's forks reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follower {
    /// Its number.
    pub number: u32,
    /// Its records at these forks.
    pub records: u64,
    /// Those of them that are `FATAL`.
    pub fatal: u64,
}

impl Outcomes {
    fn add(&mut self, more: Follower) {
        match self.followed_by.iter_mut().find(|known| known.number == more.number) {
            Some(known) => {
                known.records += more.records;
                known.fatal += more.fatal;
            }
            None => self.followed_by.push(more),
        }
    }
}

impl Forks {
    /// The parent's half.
    pub fn parent(&mut self, fork: u64, number: u32, severity: Severity) {
        push(&mut self.parents, fork, number, severity);
    }

    /// A finding of the child's.
    pub fn child(&mut self, fork: u64, number: u32, severity: Severity) {
        push(&mut self.children, fork, number, severity);
    }

    /// What became of the child.
    pub fn outcome(&mut self, fork: u64, is_exec: bool) {
        let number = if is_exec { EXEC } else { EXIT };
        let (bucket, entry) = pack(fork, number, Severity::Info);
        self.children[bucket].push(entry);
    }
}

fn push(buckets: &mut [Vec<u64>; BUCKETS], fork: u64, number: u32, severity: Severity) {
    if number < MAX_NUMBERS {
        let (bucket, entry) = pack(fork, number, severity);
        buckets[bucket].push(entry);
    }
}

fn pack(fork: u64, number: u32, severity: Severity) -> (usize, u64) {
    // Six bits choose one of 64 buckets.
    let bucket = (fork >> 58) as usize;
    let hash = (fork << 6) >> LOW_BITS << LOW_BITS;
    (bucket, hash | u64::from(number) << SEVERITY_BITS | severity as u64)
}

const fn hash_of(entry: u64) -> u64 {
    entry >> LOW_BITS
}

#[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are wanted")]
const fn number_of(entry: u64) -> u32 {
    (entry >> SEVERITY_BITS) as u32 & EXEC
}

const fn severity_of(entry: u64) -> Severity {
    match entry & 3 {
        0 => Severity::Info,
        1 => Severity::Warn,
        2 => Severity::Error,
        _ => Severity::Fatal,
    }
}

/// Joins the halves that all threads saw. Each thread's halves come with the global numbers of its fingerprints.
pub fn join(all: Vec<(Forks, Vec<u32>)>, threads: usize) -> FxHashMap<u32, Outcomes> {
    let outcomes = Mutex::new(FxHashMap::default());
    // Without children there is nothing to join.
    if all.iter().all(|(forks, _)| forks.children.iter().all(Vec::is_empty)) {
        return FxHashMap::default();
    }
    let halves: Vec<_> = all
        .into_iter()
        .map(|(forks, numbers)| (Mutex::new(forks), numbers))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = FxHashMap::default();
        loop {
            let bucket = next.fetch_add(1, Ordering::Relaxed);
            if bucket >= BUCKETS {
                break;
            }
            let (mut parents, mut children) = (Vec::new(), Vec::new());
            for (forks, numbers) in &halves {
                let (of_parents, of_children) = {
                    let mut forks = forks.lock().expect("no thread panics");
                    (
                        std::mem::take(&mut forks.parents[bucket]),
                        std::mem::take(&mut forks.children[bucket]),
                    )
                };
                renumber(of_parents, numbers, &mut parents);
                renumber(of_children, numbers, &mut children);
            }
            join_bucket(&parents, &mut children, &mut own);
        }
        merge(&mut outcomes.lock().expect("no thread panics"), own);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    outcomes.into_inner().expect("no thread panics")
}

/// Appends entries with the numbers that hold for all threads.
fn renumber(from: Vec<u64>, numbers: &[u32], to: &mut Vec<u64>) {
    to.reserve(from.len());
    to.extend(from.into_iter().filter_map(|entry| {
        let number = number_of(entry);
        let number = match number {
            EXEC | EXIT => number,
            _ => *numbers.get(number as usize)?,
        };
        let rest = hash_of(entry) << LOW_BITS | severity_of(entry) as u64;
        (number <= EXEC).then_some(rest | u64::from(number) << SEVERITY_BITS)
    }));
}

/// Looks up the child's half of each record. Most forks have none, and a few bits show that.
fn join_bucket(parents: &[u64], children: &mut [u64], outcomes: &mut FxHashMap<u32, Outcomes>) {
    children.sort_unstable();
    let mut seen = vec![0_u64; SEEN_WORDS];
    for child in &*children {
        let (word, bit) = seen_bit(*child);
        seen[word] |= bit;
    }
    let own = children.iter().filter(|child| number_of(**child) < MAX_NUMBERS);
    for (entry, is_parent) in parents
        .iter()
        .map(|entry| (entry, true))
        .chain(own.map(|entry| (entry, false)))
    {
        let (word, bit) = seen_bit(*entry);
        if seen[word] & bit == 0 {
            continue;
        }
        let fork = hash_of(*entry);
        let start = children.partition_point(|child| hash_of(*child) < fork);
        let of_fork = children[start..].iter().take_while(|child| hash_of(**child) == fork);
        one_record(number_of(*entry), is_parent, of_fork, outcomes);
    }
}

/// A record and what its child did.
fn one_record<'halves>(
    number: u32,
    is_parent: bool,
    children: impl Iterator<Item = &'halves u64>,
    outcomes: &mut FxHashMap<u32, Outcomes>,
) {
    let (mut exec, mut exit) = (false, false);
    for child in children {
        match number_of(*child) {
            EXEC => exec = true,
            EXIT => exit = true,
            follower if is_parent => {
                let fate = outcomes.entry(number).or_default();
                fate.worst = fate.worst.max(Some(severity_of(*child)));
                let is_fatal = severity_of(*child) == Severity::Fatal;
                fate.add(Follower {
                    number: follower,
                    records: 1,
                    fatal: u64::from(is_fatal),
                });
            }
            _ => {}
        }
    }
    if exec || exit {
        let fate = outcomes.entry(number).or_default();
        fate.exec += u64::from(exec);
        fate.exit += u64::from(exit && !exec);
    }
}

/// Which bit says that a fork's child has reported something.
const fn seen_bit(entry: u64) -> (usize, u64) {
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are wanted")]
    let hash = hash_of(entry) as usize;
    (hash / 64 % SEEN_WORDS, 1 << (hash % 64))
}

fn merge(outcomes: &mut FxHashMap<u32, Outcomes>, others: FxHashMap<u32, Outcomes>) {
    for (number, other) in others {
        let fate = outcomes.entry(number).or_default();
        fate.exec += other.exec;
        fate.exit += other.exit;
        fate.worst = fate.worst.max(other.worst);
        other.followed_by.into_iter().for_each(|follower| fate.add(follower));
    }
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::kind::Severity;

    use super::{Follower, Forks, Outcomes, join};
    use crate::report::gather::names::hash;

    fn fork(number: u32) -> u64 {
        hash(&[&number.to_le_bytes()])
    }

    #[test]
    fn halves_of_different_threads_are_joined() {
        let (mut one, mut other) = (Forks::default(), Forks::default());
        for number in 0..1000 {
            one.parent(fork(number), 0, Severity::Warn);
        }
        for number in 0..600 {
            other.outcome(fork(number), number < 400);
        }
        // This thread's first fingerprint is the second of all.
        other.child(fork(999), 0, Severity::Fatal);
        one.parent(fork(5000), 2, Severity::Error);
        let outcomes = join(vec![(one, vec![0, 1, 2]), (other, vec![1])], 2);
        let all = Outcomes {
            exec: 400,
            exit: 200,
            worst: Some(Severity::Fatal),
            followed_by: vec![Follower {
                number: 1,
                records: 1,
                fatal: 1,
            }],
        };
        assert_eq!(outcomes[&0], all);
        assert_eq!((outcomes.get(&1), outcomes.get(&2)), (None, None));
    }

    #[test]
    fn a_line_read_twice_has_one_outcome() {
        let mut forks = Forks::default();
        for _ in 0..2 {
            forks.parent(fork(1), 0, Severity::Warn);
            forks.outcome(fork(1), true);
        }
        let outcomes = join(vec![(forks, vec![0])], 1);
        assert_eq!((outcomes[&0].exec, outcomes[&0].exit), (2, 0));
    }
}
