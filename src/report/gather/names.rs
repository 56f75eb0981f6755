//! Distinct names (hosts, programs) as small numbers. A name is kept as its hash alone: there may be a million of them.

use std::hash::Hasher;

use glob::Pattern;
use rustc_hash::{FxHashMap, FxHasher};

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
}

impl<'pattern> Names<'pattern> {
    /// No name yet; `None` for a pattern wants all.
    pub fn new(pattern: Option<&'pattern Pattern>) -> Self {
        Self {
            numbers: FxHashMap::default(),
            hashes: Vec::new(),
            pattern,
        }
    }

    /// The number of a name; `None` where the pattern leaves it out. A pattern may fit the whole name or what follows its last
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
        let number = fits.then(|| self.push(hash));
        self.numbers.insert(hash, number);
        number
    }

    /// What each number of another thread's is here.
    pub fn merge(&mut self, other: &Self) -> Vec<u32> {
        let number = |&hash: &u64| match self.numbers.get(&hash) {
            Some(Some(known)) => *known,
            _ => {
                let number = self.push(hash);
                self.numbers.insert(hash, Some(number));
                number
            }
        };
        other.hashes.iter().map(number).collect()
    }

    fn push(&mut self, hash: u64) -> u32 {
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
    }
}
