//! Turns what was gathered into findings: how bad each is, given what its children did, and their order.

use std::cmp::Reverse;

use forkwatch_schema::kind::{Kind, Severity};
use rustc_hash::FxHashMap;

use super::finding::{Finding, Outcome, Seen};
use super::gather::forks::Outcomes;
use super::gather::group::Group;
use super::gather::locks::LockSeen;
use super::read::parsed::rfc3339;
use super::scan::Scanned;

/// The findings, worst first, and how many repeats belong to none of them.
///
/// Bookkeeping records (`summary`, `fork_outcome`) are not findings, unless `is_asked_for` names its kind.
pub fn findings(scanned: Scanned<'_>, is_asked_for: impl Fn(&str) -> bool) -> (Vec<Finding>, u64) {
    let outcomes = scanned.outcomes;
    let (repeats, lost) = scanned.gathered.repeats.assigned();
    let mut seen = scanned.gathered.spread.of_each();
    let severities: Vec<Severity> = scanned.gathered.groups.all.iter().map(|group| group.severity).collect();
    let names: Vec<String> = scanned
        .gathered
        .groups
        .all
        .iter()
        .map(|group| String::from_utf8_lossy(&group.fingerprint).into_owned())
        .collect();
    let locks = scanned.gathered.locks.of_each();
    let mut calls = scanned.gathered.calls.of_each();
    let mut findings = Vec::new();
    for (number, group) in scanned.gathered.groups.all.into_iter().enumerate() {
        let kind = String::from_utf8_lossy(&group.kind).into_owned();
        if is_bookkeeping(&kind) && !is_asked_for(&kind) {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let repeated = repeats.get(&number).copied().unwrap_or(0);
        let followers = followers(outcomes.get(&number), &severities, &names);
        findings.push(Finding {
            locks: locks_of(number, outcomes.get(&number), &locks),
            seen: seen.remove(&number).unwrap_or_default(),
            calls: calls.remove(&number).unwrap_or_default(),
            ..finding(group, kind, repeated, outcomes.get(&number), followers)
        });
    }
    findings.sort_by(|one, other| rank(one).cmp(&rank(other)));
    (findings, lost)
}

/// Worst first, then the most frequent, then the latest; the fingerprint makes the order the same each time.
fn rank(finding: &Finding) -> impl Ord + '_ {
    (
        Reverse(finding.severity),
        Reverse(finding.count),
        Reverse(finding.last.as_str()),
        finding.fingerprint.as_str(),
    )
}

fn is_bookkeeping(kind: &str) -> bool {
    matches!(Kind::parse(kind), Some(Kind::Summary | Kind::ForkOutcome))
}

fn finding(
    group: Group,
    kind: String,
    repeated: u64,
    outcomes: Option<&Outcomes>,
    followed_by: Vec<String>,
) -> Finding {
    let is_parent = Kind::parse(&kind) == Some(Kind::UnsafeFork);
    let severity = if is_parent {
        severity(group.severity, group.count, outcomes)
    } else {
        group.severity
    };
    let outcome = outcome(severity, group.count, outcomes);
    let (hosts, programs) = (group.hosts.len(), group.programs());
    Finding {
        fingerprint: String::from_utf8_lossy(&group.fingerprint).into_owned(),
        kind,
        severity,
        recorded: group.severity,
        count: group.count + repeated,
        hosts,
        programs,
        first: rfc3339(group.first),
        last: rfc3339(group.last),
        outcome,
        spot: group.example,
        followed_by,
        seen: Seen::default(),
        locks: Vec::new(),
        calls: Vec::new(),
    }
}

/// A finding's locks with what its children report of them: first those that hung one.
fn locks_of(number: u32, outcomes: Option<&Outcomes>, all: &FxHashMap<u32, Vec<LockSeen>>) -> Vec<LockSeen> {
    let mut locks = all.get(&number).cloned().unwrap_or_default();
    for follower in outcomes.iter().flat_map(|outcomes| &outcomes.followed_by) {
        // The fingerprint of what a child reports about a lock is made of the lock's id, so there is only one.
        let Some(lock) = all.get(&follower.number).and_then(|locks| locks.first()) else {
            continue;
        };
        let position = locks.iter().position(|known| known.id == lock.id);
        let position = position.unwrap_or_else(|| {
            locks.push(lock.uncounted());
            locks.len() - 1
        });
        if lock.predicted > 0 {
            locks[position].predicted += follower.records;
        } else {
            locks[position].hung += follower.fatal;
        }
    }
    locks.sort_by_key(|lock| (Reverse((lock.hung, lock.predicted, lock.held)), lock.id));
    locks
}

/// Raised to what the children proved; lowered where every child is known to have gone on to exec without trouble.
fn severity(own: Severity, records: u64, outcomes: Option<&Outcomes>) -> Severity {
    let Some(outcomes) = outcomes else { return own };
    let proven = outcomes.worst.unwrap_or(Severity::Info);
    // A record without a fork id is about an unknown child, and counts here too.
    if outcomes.exec == records && proven < Severity::Error {
        Severity::Info
    } else {
        own.max(proven)
    }
}

fn outcome(severity: Severity, records: u64, outcomes: Option<&Outcomes>) -> Outcome {
    match outcomes {
        _ if severity == Severity::Fatal => Outcome::Deadlock,
        Some(outcomes) if outcomes.exec == records => Outcome::Exec,
        Some(outcomes) if outcomes.exec + outcomes.exit == records => Outcome::Exit,
        _ => Outcome::Unknown,
    }
}

/// What the children reported, worst first.
fn followers(outcomes: Option<&Outcomes>, severities: &[Severity], names: &[String]) -> Vec<String> {
    let mut numbers: Vec<usize> = outcomes.map_or_else(Vec::new, |outcomes| {
        let followers = outcomes.followed_by.iter();
        followers.map(|follower| follower.number as usize).collect()
    });
    numbers.sort_by_key(|&number| (Reverse(severities[number]), &names[number]));
    numbers.into_iter().map(|number| names[number].clone()).collect()
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::kind::Severity::{Error, Fatal, Info, Warn};

    use super::{Outcome, outcome, severity};
    use crate::report::gather::forks::Outcomes;

    fn outcomes(exec: u64, exit: u64, worst: Option<forkwatch_schema::kind::Severity>) -> Outcomes {
        Outcomes {
            exec,
            exit,
            worst,
            followed_by: Vec::new(),
        }
    }

    #[test]
    fn children_raise_and_lower() {
        assert_eq!(severity(Warn, 1, None), Warn);
        assert_eq!(severity(Warn, 2, Some(&outcomes(0, 0, Some(Fatal)))), Fatal);
        assert_eq!(severity(Error, 2, Some(&outcomes(0, 0, Some(Warn)))), Error);
        assert_eq!(severity(Error, 2, Some(&outcomes(2, 0, None))), Info);
        assert_eq!(severity(Error, 2, Some(&outcomes(1, 0, None))), Error);
        assert_eq!(severity(Warn, 2, Some(&outcomes(2, 0, Some(Error)))), Error);
        // Three records, of which one names no fork.
        assert_eq!(severity(Warn, 3, Some(&outcomes(2, 0, None))), Warn);
    }

    #[test]
    fn outcomes_hold_for_all_children_or_not_at_all() {
        assert_eq!(outcome(Fatal, 2, Some(&outcomes(2, 0, None))), Outcome::Deadlock);
        assert_eq!(outcome(Info, 2, Some(&outcomes(2, 0, None))), Outcome::Exec);
        assert_eq!(outcome(Warn, 2, Some(&outcomes(1, 1, None))), Outcome::Exit);
        assert_eq!(outcome(Warn, 2, Some(&outcomes(1, 0, None))), Outcome::Unknown);
        assert_eq!(outcome(Warn, 2, None), Outcome::Unknown);
    }
}
