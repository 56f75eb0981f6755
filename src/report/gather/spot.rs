//! The position of an example, which is all that is kept of it: in a file that can be read again, or in a spool of examples
//! from input that can be read only once.

use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use super::names;

/// Bytes of a spool that stay in memory; more of them go to an unnamed file in the directory for temporary files.
const IN_MEMORY: usize = 8 << 20;

/// Where a line begins: the number of its file, and the bytes before it there. Among otherwise equal lines, the first
/// one is the example, so that it is the same for any number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The number of the file.
    pub input: u32,
    /// The bytes before it, of the unpacked content.
    pub offset: u64,
}

/// Where a line can be read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// Where it was first read.
    InFile,
    /// At this place of the spool with this number.
    InSpool {
        /// The number of the spool.
        number: u32,
        /// The bytes before the line.
        offset: u64,
    },
    /// Nowhere: no file could be made for it.
    #[default]
    Nowhere,
}

/// A line that was read once and will be read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Where it was first read.
    pub origin: Origin,
    /// Where it can be read again.
    pub kept: Kept,
    /// Its bytes.
    pub length: u32,
    /// A hash of them: a file may change in between.
    pub check: u64,
}

impl Spot {
    /// The place of this line.
    pub fn new(line: &[u8], origin: Origin, kept: Kept) -> Self {
        Self {
            origin,
            kept,
            length: u32::try_from(line.len()).unwrap_or(u32::MAX),
            check: names::hash(&[line]),
        }
    }

    /// Whether these are the bytes that were read first.
    pub fn is(&self, line: &[u8]) -> bool {
        names::hash(&[line]) == self.check
    }
}

/// The examples of one thread that are in no file.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    written: u64,
    /// Why it accepts no more.
    pub fault: Option<io::Error>,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY),
            written: 0,
            fault: None,
        }
    }
}

impl Spool {
    /// Adds a line. Returns its position, if there is space.
    pub fn keep(&mut self, line: &[u8]) -> Kept {
        if self.fault.is_some() {
            return Kept::Nowhere;
        }
        if let Err(error) = self.file.write_all(line) {
            self.fault = Some(error);
            return Kept::Nowhere;
        }
        let offset = self.written;
        self.written += line.len() as u64;
        // Which number its spool has is known when all threads are done.
        Kept::InSpool { number: 0, offset }
    }

    /// Reads a line again.
    pub fn read(&mut self, offset: u64, line: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{IN_MEMORY, Kept, Origin, Spool, Spot};

    #[test]
    fn lines_come_back_from_memory_and_from_the_file() {
        let mut spool = Spool::default();
        let lines = [vec![b'a'; 10], vec![b'b'; IN_MEMORY], vec![b'c'; 20]];
        let kept: Vec<Kept> = lines.iter().map(|line| spool.keep(line)).collect();
        for (line, kept) in lines.iter().zip(kept) {
            let Kept::InSpool { offset, .. } = kept else {
                panic!("{kept:?}: {:?}", spool.fault);
            };
            let mut read = vec![0; line.len()];
            spool.read(offset, &mut read).unwrap();
            let spot = Spot::new(line, Origin::default(), kept);
            assert!(spot.is(&read) && !spot.is(&read[1..]));
        }
    }
}
