//! Distinct names (hosts, programs) as small numbers. Only a name's hash is kept: there may be a million names.

use std::hash::Hasher;

use glob::Pattern;
use rustc_hash::{FxHashMap, FxHasher};

/// Names that are kept as texts, where a format shows them.
const MAX_TEXTS: usize = 10_000;

/// The most characters of each.
const LONGEST_TEXT: usize = 256;

/// The hash by which a text is known.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = FxHasher::default();
    for part in parts {
        hasher.write(part);
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

/// The names seen so far, and which of them the user wants.
#[derive(Debug)]
pub struct Names<'pattern> {
    numbers: FxHashMap<u64, Option<u32>>,
    hashes: Vec<u64>,
    pattern: Option<&'pattern Pattern>,
    /// By number; `None` if nobody needs them.
    texts: Option<Vec<String>>,
}

impl<'pattern> Names<'pattern> {
    /// No names yet; without a pattern, all names are wanted.
    pub fn new(pattern: Option<&'pattern Pattern>) -> Self {
        Self {
            numbers: FxHashMap::default(),
            hashes: Vec::new(),
            pattern,
            texts: None,
        }
    }

    /// Keeps the first of the names as texts, too.
    pub fn with_texts(mut self, wanted: bool) -> Self {
        self.texts = wanted.then(Vec::new);
        self
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// The texts by number; those of the last numbers may be missing.
    pub fn texts(&self) -> &[String] {
        self.texts.as_deref().unwrap_or_default()
    }

    /// The number of a name; `None` if the pattern does not match. A pattern may match the whole name or the part after its last
    /// slash.
    pub fn number(&mut self, name: &[u8]) -> Option<u32> {
        let hash = hash(&[name]);
        if let Some(known) = self.numbers.get(&hash) {
            return *known;
        }
        let fits = self.pattern.is_none_or(|pattern| {
            let name = String::from_utf8_lossy(name);
            pattern.matches(&name) || name.rsplit('/').next().is_some_and(|base| pattern.matches(base))
        });
        let number = fits.then(|| self.push(hash, || String::from_utf8_lossy(name).into_owned()));
        self.numbers.insert(hash, number);
        number
    }

    /// The number here for each number of another thread.
    pub fn merge(&mut self, other: &Self) -> Vec<u32> {
        let number = |(position, &hash): (usize, &u64)| match self.numbers.get(&hash) {
            Some(Some(known)) => *known,
            _ => {
                let number = self.push(hash, || other.texts().get(position).cloned().unwrap_or_default());
                self.numbers.insert(hash, Some(number));
                number
            }
        };
        other.hashes.iter().enumerate().map(number).collect()
    }

    fn push(&mut self, hash: u64, text: impl FnOnce() -> String) -> u32 {
        if let Some(texts) = self.texts.as_mut().filter(|texts| texts.len() < MAX_TEXTS) {
            texts.push(text().chars().take(LONGEST_TEXT).collect());
        }
        self.hashes.push(hash);
        u32::try_from(self.hashes.len() - 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use glob::Pattern;

    use super::Names;

    #[test]
    fn numbers_are_by_name_and_only_for_what_is_wanted() {
        let pattern = Pattern::new("shop*").unwrap();
        let mut names = Names::new(Some(&pattern));
        assert_eq!(names.number(b"/bin/shop"), Some(0));
        assert_eq!(names.number(b"/bin/other"), None);
        assert_eq!(names.number(b"shop-2"), Some(1));
        assert_eq!(names.number(b"/bin/shop"), Some(0));
        let mut others = Names::new(Some(&pattern));
        others.number(b"shop-3");
        others.number(b"shop-2");
        assert_eq!(names.merge(&others), [2, 1]);
        assert!(names.texts().is_empty());
    }

    #[test]
    fn texts_follow_their_numbers_through_a_merge() {
        let (mut one, mut other) = (Names::new(None).with_texts(true), Names::new(None).with_texts(true));
        for name in ["a", "b"] {
            one.number(name.as_bytes());
        }
        for name in ["c", "b", "d"] {
            other.number(name.as_bytes());
        }
        assert_eq!(one.merge(&other), [2, 1, 3]);
        assert_eq!(
            (one.texts(), one.len()),
            (&["a", "b", "c", "d"].map(String::from)[..], 4)
        );
    }
}
