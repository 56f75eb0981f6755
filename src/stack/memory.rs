//! The memory of another process, read by the kernel on our behalf.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::process::Process;

/// Frames lie close together: one read serves many of them.
const PIECE: usize = 8 << 10;

/// A process's memory, of which the piece read last is kept.
#[derive(Debug)]
pub struct Memory {
    file: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Memory {
    /// The memory of this process, if we may read it.
    pub fn of(process: Process) -> io::Result<Self> {
        Ok(Self {
            file: File::open(process.path("mem"))?,
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// The word at this address; `None` where nothing is mapped.
    pub fn word(&mut self, address: u64) -> Option<u64> {
        if let Some(word) = self.kept(address) {
            return Some(word);
        }
        self.bytes.resize(PIECE, 0);
        self.start = address;
        // At the end of a stack the kernel gives less than was asked for.
        let read = self.file.read_at(&mut self.bytes, address).unwrap_or(0);
        self.bytes.truncate(read);
        self.kept(address)
    }

    fn kept(&self, address: u64) -> Option<u64> {
        let start = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let word = self.bytes.get(start..start.checked_add(size_of::<u64>())?)?;
        Some(u64::from_ne_bytes(word.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use crate::process::Process;

    #[test]
    fn words_are_read_where_there_are_any() {
        let words = [7_u64, 8, 9];
        let address = words.as_ptr() as u64;
        let mut memory = Memory::of(Process(std::process::id().cast_signed())).unwrap();
        assert_eq!(memory.word(address), Some(7));
        assert_eq!(memory.word(address + 16), Some(9));
        assert_eq!(memory.word(8), None);
    }
}
