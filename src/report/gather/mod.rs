//! Records by fingerprint, gathered by each thread separately and then merged.
//!
//! | what is kept | file |
//! |---|---|
//! | counts, times and hosts of each fingerprint | `group`, with `names` and `numbers` |
//! | where its example is | `spot` |
//! | which record belongs to which fork | `forks` |
//! | which locks are in its records | `locks` |
//! | which calls an `unsafe_call` is about | `calls` |
//! | repeats that only a summary counts | `repeats` |
//! | where and when each fingerprint was seen, where a format shows that | `spread` |
//! | invalid lines | `broken` |

pub mod broken;
pub mod calls;
pub mod forks;
pub mod group;
pub mod locks;
pub mod names;
mod numbers;
pub mod repeats;
pub mod spot;
pub mod spread;

use glob::Pattern;

use self::broken::{BrokenLines, Place};
use self::calls::Calls;
use self::forks::Forks;
use self::group::Groups;
use self::locks::Locks;
use self::names::Names;
use self::repeats::Repeats;
use self::spot::{Kept, Origin, Spool};
use self::spread::Spread;
use super::read::head::{self, Head, Time};
use super::read::{Lines, parsed};

/// The filters that apply to single records.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// None older than this.
    pub since: Option<Time>,
    /// Of these hosts.
    pub host: Option<Pattern>,
    /// Of these programs, by path or by the last part of it.
    pub program: Option<Pattern>,
    /// With [`Gathered::spread`]: it costs time and memory for each record.
    pub spread: bool,
}

/// What one thread saw, or all of them.
#[derive(Debug)]
pub struct Gathered<'wanted> {
    wanted: &'wanted Wanted,
    /// Records read, wanted or not.
    pub records: u64,
    /// Those that are not wanted.
    pub unwanted: u64,
    /// Invalid lines.
    pub broken: BrokenLines,
    /// Last lines that are still being written.
    pub unfinished: u64,
    /// By fingerprint.
    pub groups: Groups,
    /// By fork.
    pub forks: Forks,
    /// By fingerprint and id.
    pub locks: Locks,
    /// By fingerprint.
    pub calls: Calls,
    /// By process.
    pub repeats: Repeats,
    /// By host, program and hour.
    pub spread: Spread,
    /// The hosts of the records that are wanted.
    pub hosts: Names<'wanted>,
    /// Their program files; only this thread's unless [`Wanted::spread`] is set.
    pub exes: Names<'wanted>,
    /// The examples that are in no file: one spool per thread.
    pub spools: Vec<Spool>,
    spool: Spool,
    place: Place,
    is_file: bool,
    are_ascii: bool,
}

impl<'wanted> Gathered<'wanted> {
    /// Nothing yet.
    pub fn new(wanted: &'wanted Wanted) -> Self {
        Self {
            wanted,
            records: 0,
            unwanted: 0,
            broken: BrokenLines::default(),
            unfinished: 0,
            groups: Groups::default(),
            forks: Forks::default(),
            locks: Locks::default(),
            calls: Calls::default(),
            repeats: Repeats::default(),
            spread: Spread::default(),
            hosts: Names::new(wanted.host.as_ref()).with_texts(wanted.spread),
            exes: Names::new(wanted.program.as_ref()).with_texts(wanted.spread),
            spools: Vec::new(),
            spool: Spool::default(),
            place: Place::default(),
            is_file: false,
            are_ascii: false,
        }
    }

    /// Says which lines come next: of a part of a file, or of an input that can be read only once.
    pub fn begin(&mut self, input: usize, part: Option<usize>) {
        self.is_file = part.is_some();
        self.place = Place {
            input,
            part: part.unwrap_or(0),
            line: 0,
        };
    }

    /// Lines since [`Self::begin`].
    pub fn lines_seen(&self) -> u64 {
        self.place.line
    }

    /// Merges what another thread saw, except its forks. Returns the numbers here of its fingerprints.
    pub fn merge(&mut self, other: Self) -> (Forks, Vec<u32>) {
        self.records += other.records;
        self.unwanted += other.unwanted;
        self.unfinished += other.unfinished;
        self.broken.merge(other.broken);
        let hosts = self.hosts.merge(&other.hosts);
        let spool = u32::try_from(self.spools.len()).unwrap_or(u32::MAX);
        self.spools.push(other.spool);
        let numbers = self.groups.merge(other.groups, &hosts, spool);
        self.locks.merge(other.locks, &numbers, spool);
        self.calls.merge(other.calls, &numbers);
        self.repeats.merge(other.repeats, &numbers);
        if self.wanted.spread {
            let exes = self.exes.merge(&other.exes);
            self.spread.merge(&other.spread, &numbers, &hosts, &exes);
        }
        (other.forks, numbers)
    }

    /// Whether the line holds a whole record, as far as it was read.
    fn record(&mut self, head: &Head<'_>, line: &[u8], offset: u64) -> bool {
        if self.wanted.since.is_none_or(|since| head.time >= since)
            && let Some(host) = self.hosts.number(head.host)
            && let Some(exe) = self.exes.number(head.exe)
        {
            let origin = Origin {
                input: u32::try_from(self.place.input).unwrap_or(u32::MAX),
                offset,
            };
            let (is_file, spool) = (self.is_file, &mut self.spool);
            let mut keep = |line: &[u8]| if is_file { Kept::InFile } else { spool.keep(line) };
            let Some(number) = self.groups.add(head, line, (host, exe), origin, &mut keep) else {
                return false;
            };
            self.locks.add(head, line, number, origin, keep);
            self.calls.add(head, line, number, origin);
            if self.wanted.spread {
                self.spread.add(number, host, exe, head.time);
            }
            self.join(head, line, number);
        } else {
            self.unwanted += 1;
        }
        self.records += 1;
        true
    }

    /// Notes to which fork and process a record belongs.
    fn join(&mut self, head: &Head<'_>, line: &[u8], number: u32) {
        // An id is unique on its host.
        let fork = head.fork_id.map(|id| names::hash(&[head.host, id]));
        match (head.kind, fork) {
            (b"summary", _) => {
                self.repeats.summary(head, line);
                return;
            }
            (b"fork_outcome", Some(fork)) => {
                if let Some(is_exec) = is_exec(line) {
                    self.forks.outcome(fork, is_exec);
                }
                return;
            }
            (b"fork_outcome", None) => return,
            (b"unsafe_fork", Some(fork)) => self.forks.parent(fork, number, head.severity),
            (_, Some(fork)) => self.forks.child(fork, number, head.severity),
            (_, None) => {}
        }
        self.repeats.finding(head, number);
    }
}

impl Lines for Gathered<'_> {
    fn are_ascii(&mut self, known: bool) {
        self.are_ascii = known;
    }

    fn line(&mut self, line: &[u8], offset: u64, is_last: bool) {
        let place = self.place;
        self.place.line += 1;
        let is_text = self.are_ascii || str::from_utf8(line).is_ok();
        // A last line may be incomplete and still look complete.
        if is_text
            && !is_last
            && let Some(head) = head::by_position(line)
            && self.record(&head, line, offset)
        {
            return;
        }
        // Some editors write a byte order mark before the first line.
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
        let offset = offset + (line.len() - text.len()) as u64;
        let line = text.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        if !is_text && !is_last {
            self.broken.add(place, || "not UTF-8".to_owned());
            return;
        }
        match parsed::parse(line) {
            Ok(parsed) => {
                self.record(&parsed.head(), line, offset);
            }
            // Its writer may be in the middle of it.
            Err(_) if is_last => self.unfinished += 1,
            Err(why) => self.broken.add(place, || why),
        }
    }

    fn too_long(&mut self) {
        let place = self.place;
        self.place.line += 1;
        self.broken.add(place, || "too long for a record".to_owned());
    }
}

/// Whether the child of a `fork_outcome` went on to exec; `None` where the record does not say.
fn is_exec(line: &[u8]) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct Word {
        outcome: String,
    }
    if memchr::memmem::find(line, b",\"outcome\":\"exec\"").is_some() {
        return Some(true);
    }
    let word = serde_json::from_slice::<Word>(line).ok()?;
    match word.outcome.as_str() {
        "exec" => Some(true),
        "exit" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Gathered, Lines, Wanted, is_exec};

    const LINE: &str = r#"{"time":"2026-11-21T03:12:45.123456789Z","severity":"WARN","schema":"forkwatch/1","kind":"leaked_lock","fingerprint":"0123456789abcdef","message":"m","host":"h","pid":42,"ppid":1,"tid":42,"thread":"main","exe":"/bin/shop","argv":null,"service":"shop","context":null,"fork_id":null}"#;

    #[test]
    fn broken_lines_are_counted_and_placed_and_an_unfinished_one_is_none() {
        let wanted = Wanted::default();
        let mut gathered = Gathered::new(&wanted);
        gathered.begin(3, Some(1));
        for line in [
            LINE.as_bytes(),
            b"",
            b"{\"a\":1}",
            b"\xff{}",
            LINE.as_bytes(),
            &LINE.as_bytes()[..50],
        ] {
            gathered.line(line, 0, false);
        }
        gathered.too_long();
        gathered.line(&LINE.as_bytes()[..50], 0, true);
        assert_eq!(
            (gathered.records, gathered.broken.count, gathered.unfinished),
            (2, 4, 1)
        );
        let lines: Vec<_> = gathered.broken.first.iter().map(|broken| broken.place.line).collect();
        assert_eq!(lines, [2, 3, 5, 6]);
        assert_eq!(gathered.broken.first[1].why, "not UTF-8");
        assert_eq!(gathered.groups.all[0].count, 2);
    }

    #[test]
    fn both_ways_of_reading_give_one_group() {
        let wanted = Wanted::default();
        let mut gathered = Gathered::new(&wanted);
        gathered.line(format!("\u{feff} {LINE}\r").as_bytes(), 0, false);
        gathered.line(LINE.as_bytes(), 300, false);
        gathered.line(LINE.replace("\"host\":", "\"host\": ").as_bytes(), 600, false);
        let group = &gathered.groups.all[0];
        assert_eq!((gathered.groups.all.len(), group.count), (1, 3));
        assert_eq!((group.hosts.len(), group.programs()), (1, 1));
        // Without the byte order mark, the space and the carriage return.
        let spot = &group.example;
        assert!(spot.origin.offset == 4 && spot.length as usize == LINE.len() && spot.is(LINE.as_bytes()));
    }

    #[test]
    fn a_damaged_line_is_no_example() {
        let wanted = Wanted::default();
        let mut gathered = Gathered::new(&wanted);
        let damaged = format!("{},\"lock\":{{\"a\":}}", LINE.strip_suffix('}').unwrap());
        gathered.line(damaged.as_bytes(), 0, false);
        assert_eq!((gathered.records, gathered.broken.count), (0, 1));
        gathered.line(damaged.as_bytes(), 0, true);
        assert_eq!((gathered.groups.all.len(), gathered.unfinished), (0, 1));
    }

    #[test]
    fn outcomes() {
        assert_eq!(is_exec(br#"{"child_pid":1,"outcome":"exec"}"#), Some(true));
        assert_eq!(is_exec(br#"{"outcome" : "exit"}"#), Some(false));
        assert_eq!(is_exec(br#"{"outcome":"gone"}"#), None);
    }
}
