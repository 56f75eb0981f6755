//! What each function calls that is not async-signal-safe: the records of an `unsafe_call` differ in that alone.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use super::spot::Origin;
use crate::report::read::head::{Head, Time};

/// The most calls of one fingerprint.
const MAX: usize = 512;

/// Where a call came first.
type First = (Time, Origin);

/// By the number of the fingerprint: each call, with its earliest record.
#[derive(Debug, Default)]
pub struct Calls(FxHashMap<u32, FxHashMap<Box<[u8]>, First>>);

static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"call\":\""));

impl Calls {
    /// Notes the call in a record of the fingerprint with this number.
    pub fn add(&mut self, head: &Head<'_>, line: &[u8], number: u32, origin: Origin) {
        if head.kind == b"unsafe_call"
            && let Some(call) = call(line)
        {
            self.note(number, &call, (head.time, origin));
        }
    }

    fn note(&mut self, number: u32, call: &[u8], first: First) {
        let calls = self.0.entry(number).or_default();
        if let Some(known) = calls.get_mut(call) {
            *known = first.min(*known);
        } else if calls.len() < MAX {
            calls.insert(call.into(), first);
        }
    }

    /// Merges what another thread saw: `numbers` are those here of its fingerprints.
    pub fn merge(&mut self, other: Self, numbers: &[u32]) {
        for (number, calls) in other.0 {
            let Some(&number) = numbers.get(number as usize) else {
                continue;
            };
            for (call, first) in calls {
                self.note(number, &call, first);
            }
        }
    }

    /// The calls of each fingerprint, the earliest first.
    pub fn of_each(self) -> FxHashMap<u32, Vec<String>> {
        let in_order = |(number, calls): (u32, FxHashMap<Box<[u8]>, First>)| {
            let mut calls: Vec<(Box<[u8]>, First)> = calls.into_iter().collect();
            calls.sort_by(|(one, first), (other, second)| (first, one).cmp(&(second, other)));
            let names = calls.iter().map(|(call, _)| String::from_utf8_lossy(call).into_owned());
            (number, names.collect())
        };
        self.0.into_iter().map(in_order).collect()
    }
}

/// The function that a record is about. A quote inside a text is escaped, so that the key is found in no text.
fn call(line: &[u8]) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Word {
        call: String,
    }
    let found = KEY.find(line).and_then(|at| {
        let rest = line.get(at + KEY.needle().len()..)?;
        rest.get(..memchr::memchr(b'"', rest)?)
    });
    match found {
        Some(call) if !call.contains(&b'\\') => Some(call.to_vec()),
        _ => Some(serde_json::from_slice::<Word>(line).ok()?.call.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, call};
    use crate::report::gather::spot::Origin;

    #[test]
    fn the_call_is_found_in_lines_of_any_writer() {
        assert_eq!(
            call(br#"{"message":"\"call\":\"x","call":"malloc","library":null}"#).unwrap(),
            b"malloc"
        );
        assert_eq!(call(br#"{"call" : "fr\u0065e"}"#).unwrap(), b"free");
        assert_eq!(call(br#"{"kind":"unsafe_call"}"#), None);
    }

    #[test]
    fn threads_see_halves_and_the_earliest_comes_first() {
        let at = |offset| Origin { input: 0, offset };
        let (mut one, mut other) = (Calls::default(), Calls::default());
        one.note(0, b"free", (5, at(9)));
        one.note(0, b"malloc", (7, at(9)));
        other.note(1, b"malloc", (3, at(0)));
        other.note(1, b"printf", (4, at(0)));
        one.merge(other, &[4, 0]);
        assert_eq!(one.of_each().remove(&0).unwrap(), ["malloc", "printf", "free"]);
    }
}
