//! On which hosts, in which programs and in which hours each fingerprint was seen.

use rustc_hash::FxHashMap;

use crate::report::finding::Seen;
use crate::report::read::head::Time;

/// Pairs that are counted, of each kind: with more of them the memory would grow with the records.
const MAX_PAIRS: usize = 1 << 20;

/// Nanoseconds of an hour.
pub const HOUR: Time = 3_600_000_000_000;

/// Records by a fingerprint's number and that of a host, program or hour.
type Pairs = FxHashMap<(u32, u32), u64>;

/// The counts.
#[derive(Debug, Default)]
pub struct Spread {
    hosts: Pairs,
    programs: Pairs,
    hours: Pairs,
    /// Whether there was more to count than is kept.
    pub is_partial: bool,
}

impl Spread {
    /// Counts a record.
    pub fn add(&mut self, fingerprint: u32, host: u32, program: u32, time: Time) {
        let hour = u32::try_from(time / HOUR).unwrap_or(u32::MAX);
        self.is_partial |= !(count(&mut self.hosts, (fingerprint, host), 1)
            & count(&mut self.programs, (fingerprint, program), 1)
            & count(&mut self.hours, (fingerprint, hour), 1));
    }

    /// Merges what another thread saw; the numbers say what its own are here.
    pub fn merge(&mut self, other: &Self, fingerprints: &[u32], hosts: &[u32], programs: &[u32]) {
        self.is_partial |= other.is_partial;
        let same: Vec<u32> = Vec::new();
        for (to, from, numbers) in [
            (&mut self.hosts, &other.hosts, hosts),
            (&mut self.programs, &other.programs, programs),
            // An hour is the same for all.
            (&mut self.hours, &other.hours, &same),
        ] {
            for (&(fingerprint, number), &records) in from {
                let number = numbers.get(number as usize).copied().unwrap_or(number);
                self.is_partial |= !count(to, (fingerprints[fingerprint as usize], number), records);
            }
        }
    }

    /// What was counted, by fingerprint.
    pub fn of_each(&self) -> FxHashMap<u32, Seen> {
        let mut all: FxHashMap<u32, Seen> = FxHashMap::default();
        for (&(fingerprint, host), &records) in &self.hosts {
            all.entry(fingerprint).or_default().hosts.push((host, records));
        }
        for (&(fingerprint, program), &records) in &self.programs {
            all.entry(fingerprint).or_default().programs.push((program, records));
        }
        for (&(fingerprint, hour), &records) in &self.hours {
            all.entry(fingerprint).or_default().hours.push((hour, records));
        }
        for seen in all.values_mut() {
            seen.hosts.sort_unstable();
            seen.programs.sort_unstable();
            seen.hours.sort_unstable();
        }
        all
    }
}

/// Adds to a pair's records. Returns whether there was space.
fn count(pairs: &mut Pairs, pair: (u32, u32), records: u64) -> bool {
    if let Some(known) = pairs.get_mut(&pair) {
        *known += records;
    } else if pairs.len() < MAX_PAIRS {
        pairs.insert(pair, records);
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{HOUR, Spread};

    #[test]
    fn threads_count_together() {
        let (mut one, mut other) = (Spread::default(), Spread::default());
        one.add(0, 0, 0, 5 * HOUR + 1);
        one.add(0, 1, 0, 5 * HOUR + 2);
        other.add(0, 0, 0, 6 * HOUR - 1);
        other.add(1, 0, 1, 9 * HOUR);
        // The other's first fingerprint, host and program are our second ones.
        one.merge(&other, &[1, 0], &[1], &[1, 0]);
        let all = one.of_each();
        assert_eq!(all[&0].hosts, [(0, 1), (1, 2)]);
        assert_eq!(
            (&all[&0].programs, &all[&0].hours),
            (&vec![(0, 3)], &vec![(5, 2), (9, 1)])
        );
        assert_eq!((&all[&1].hosts, &all[&1].hours), (&vec![(1, 1)], &vec![(5, 1)]));
    }
}
