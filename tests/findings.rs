//! One bug is one finding: fingerprints and ids, repeats, and what a family of processes reports together.

use std::collections::BTreeSet;

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Record;

use crate::options::{only_fork, reported, watched};
use crate::support::ways::Watched;

#[test]
fn repeats_are_counted_or_reported() {
    let first = watched("unsafe_fork_two_places", &[]);
    assert_eq!(first.of(Kind::UnsafeFork).len(), 2, "{first:?}");
    let summary = first.of(Kind::Summary);
    assert_eq!(summary.len(), 1, "one process had findings: {first:?}");
    let summary = summary[0].summary().expect("its fields are known");
    assert_eq!(
        (summary.forks, summary.unsafe_forks, summary.repeated),
        (6, 6, 4),
        "{summary:?}"
    );
    assert_eq!(summary.by_kind.get("unsafe_fork"), Some(&2), "{summary:?}");
    let all = watched("unsafe_fork_two_places", &[("FORKWATCH_REPEAT", "all")]);
    assert_eq!(all.of(Kind::UnsafeFork).len(), 6, "{all:?}");
}

#[test]
fn fingerprints_name_the_bug_and_nothing_else() {
    let prints = || -> Vec<String> {
        let watched = watched("unsafe_fork_two_places", &[]);
        watched
            .of(Kind::UnsafeFork)
            .iter()
            .map(|line| line.record.as_ref().expect("known").fingerprint.clone())
            .collect()
    };
    let (one, two) = (prints(), prints());
    assert_eq!(one, two, "two runs of the same program");
    assert_ne!(one[0], one[1], "two places in it");
    let [mutex, reader, writer] = [
        "unsafe_fork_mutex plain lock",
        "unsafe_fork_rwlock read lock",
        "unsafe_fork_rwlock write lock",
    ]
    .map(|line| only_fork(&watched(line, &[])).0.fingerprint.clone());
    assert_ne!(mutex, reader, "two programs");
    assert_eq!(reader, writer, "the same place, whatever is held");
}

/// What the records of one line's forks say of the locks: an id each.
fn ids(watched: &Watched) -> Vec<String> {
    let forks = watched.of(Kind::UnsafeFork).into_iter();
    let locks = forks.flat_map(|line| &line.unsafe_fork().expect("its fields are known").locks);
    locks.map(|lock| lock.id.clone().expect("an id")).collect()
}

#[test]
fn one_line_is_one_finding_whatever_is_held_there() {
    let run = || watched("unsafe_fork_further_locks", &[("FORKWATCH_TEXT", "stderr")]);
    let (one, two) = (run(), run());
    let records: Vec<&Record> = one
        .of(Kind::UnsafeFork)
        .iter()
        .map(|line| line.record.as_ref().expect("known"))
        .collect();
    assert!(
        records
            .windows(2)
            .all(|pair| pair[0].fingerprint == pair[1].fingerprint),
        "{one:?}"
    );
    // The first, and sixteen more.
    assert_eq!((records.len(), ids(&one).len()), (17, 16), "{one:?}");
    assert_eq!(ids(&one), ids(&two), "the locks in two runs");
    assert_eq!(ids(&one).into_iter().collect::<BTreeSet<_>>().len(), 16, "{one:?}");
    let text = &one.run.stderr;
    assert_eq!(reported(text, "unsafe_fork: fork() in thread"), 17, "{text}");
    assert_eq!(reported(text, "Why this can hang:"), 1, "{text}");
    let brief: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("ERROR unsafe_fork"))
        .collect();
    assert!(brief.len() <= 16 * 3 + 1, "{text}");
    assert!(
        brief[1].contains("  Lock: mutex \"locks") && brief[1].contains("taken in keep"),
        "{text}"
    );
    let summary = one.of(Kind::Summary)[0]
        .summary()
        .expect("its fields are known")
        .clone();
    assert_eq!((summary.unsafe_forks, summary.repeated), (49, 32), "{summary:?}");
}

/// How many findings all processes only counted.
fn repeated(watched: &Watched) -> u64 {
    let summaries = watched.of(Kind::Summary).into_iter();
    summaries
        .map(|line| line.summary().expect("its fields are known").repeated)
        .sum()
}

#[test]
fn a_family_reports_once_what_each_child_finds() {
    let once = watched("possible_deadlock_family", &[]);
    let counts = |watched: &Watched| [Kind::UnsafeFork, Kind::PossibleDeadlock].map(|kind| watched.of(kind).len());
    // Four forks, and four children.
    assert_eq!((counts(&once), repeated(&once)), ([1, 1], 8), "{once:?}");
    let all = watched("possible_deadlock_family", &[("FORKWATCH_REPEAT", "all")]);
    assert_eq!((counts(&all), repeated(&all)), ([5, 5], 0), "{all:?}");
}

#[test]
fn predictions_can_be_turned_off() {
    let watched = watched("possible_deadlock_lock mutex mutex", &[("FORKWATCH_PREDICT", "off")]);
    let counts = [Kind::PossibleDeadlock, Kind::OrphanedLock].map(|kind| watched.of(kind).len());
    assert_eq!(counts, [0, 1], "{watched:?}");
}
