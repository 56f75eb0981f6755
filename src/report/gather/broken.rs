//! Invalid lines: all are counted, the first few are shown.

/// How many are shown.
pub const MAX_SHOWN: usize = 5;

/// The position of a line: the file, the part of it that was read on its own, and the line in that part, all from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the file.
    pub input: usize,
    /// The number of the part.
    pub part: usize,
    /// The number of the line in it.
    pub line: u64,
}

/// One such line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    /// Its position.
    pub place: Place,
    /// What is wrong with it.
    pub why: String,
}

/// All of them.
#[derive(Debug, Default)]
pub struct BrokenLines {
    /// How many there are.
    pub count: u64,
    /// The first ones.
    pub first: Vec<Broken>,
}

impl BrokenLines {
    /// Counts one. Each thread reads the files from front to back, so that its first ones hold the first of all.
    pub fn add(&mut self, place: Place, why: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < MAX_SHOWN {
            self.first.push(Broken { place, why: why() });
        }
    }

    /// Merges what another thread saw.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort();
        self.first.truncate(MAX_SHOWN);
    }
}
