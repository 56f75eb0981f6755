//! Writes to words of this process that may be protected, as the loader protects its tables (RELRO), or gone.
//!
//! One system call reads or writes many words: with one for each, a new process would pay more for its words than for its fork.
//! So it would if this opened `/proc/self/mem`: the kernel makes the folder for it.
#![expect(unsafe_code, reason = "changes a page's protection")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_process::memory::{ProcessMemory, is_read_by_file};
use forkwatch_process::system_call::system_call;
use rustix::mm::{MprotectFlags, mprotect};

use super::process;

/// The smallest page of both processors.
const PAGE: usize = 4096;
/// How many words one call reads or writes. Their descriptions lie on the stack of the thread that forks.
const BATCH: usize = 32;
/// Bytes of a word.
const WORD: usize = size_of::<usize>();

/// A word that is to be replaced.
#[derive(Clone, Copy, Debug)]
pub struct Replacement {
    /// Where it is.
    pub address: usize,
    /// What it may hold; a word that holds anything else stays.
    pub old: [usize; 2],
    /// What it shall hold.
    pub new: usize,
}

/// Words, and where they are or go.
struct Batch {
    addresses: [usize; BATCH],
    words: [usize; BATCH],
    count: usize,
}

/// Replaces these words, of which those of one page are neighbours in the list. This thread must be the only one.
pub fn replace(all: &[Replacement]) {
    for replacements in all.chunks(BATCH) {
        let mut to_read = Batch::new();
        for replacement in replacements {
            to_read.push(replacement.address, 0);
        }
        let present = to_read.read();
        let mut to_write = Batch::new();
        for ((replacement, word), is_present) in replacements.iter().zip(to_read.words).zip(present) {
            if is_present && replacement.old.contains(&word) && replacement.address.is_multiple_of(WORD) {
                to_write.push(replacement.address, replacement.new);
            }
        }
        to_write.write();
    }
}

impl Batch {
    const fn new() -> Self {
        Self {
            addresses: [0; BATCH],
            words: [0; BATCH],
            count: 0,
        }
    }

    fn push(&mut self, address: usize, word: usize) {
        if let (Some(place), Some(its_word)) = (self.addresses.get_mut(self.count), self.words.get_mut(self.count)) {
            (*place, *its_word) = (address, word);
            self.count += 1;
        }
    }

    /// Fills the words. Returns which of them could be read.
    fn read(&mut self) -> [bool; BATCH] {
        let mut present = [false; BATCH];
        let mut done = 0;
        while done < self.count {
            let read = if is_read_by_file() {
                0
            } else {
                self.pass(libc::SYS_process_vm_readv, done).unwrap_or(0)
            };
            present.iter_mut().skip(done).take(read).for_each(|it| *it = true);
            done += read;
            // The call stops before a word that is not there, or does not begin.
            if let (Some(address), Some(word), Some(is_present)) = (
                self.addresses.get(done),
                self.words.get_mut(done),
                present.get_mut(done),
            ) && done < self.count
                && let Some(found) = ProcessMemory::own().word(*address)
            {
                (*word, *is_present) = (found, true);
            }
            done += 1;
        }
        present
    }

    /// Writes the words, which must have been read.
    fn write(&mut self) {
        let mut done = 0;
        while done < self.count {
            // It writes as the kernel writes for another process, so it stops before a page that is not writable.
            match self.pass(libc::SYS_process_vm_writev, done) {
                Ok(written) if written > 0 => done += written,
                Err(error) if error == -(libc::EFAULT as isize) => done += self.write_protected(done),
                _ => return,
            }
        }
    }

    /// Writes the words of one page, beginning with this one. Returns how many there are.
    fn write_protected(&self, first: usize) -> usize {
        let page = |address: usize| address & !(PAGE - 1);
        let places = self.addresses.get(first..self.count).unwrap_or_default();
        let Some(start) = places.first().map(|&address| page(address)) else {
            return 1;
        };
        let count = places.iter().take_while(|&&address| page(address) == start).count();
        if protect(start, MprotectFlags::READ | MprotectFlags::WRITE) {
            for (&address, &word) in places.iter().zip(self.words.iter().skip(first)).take(count) {
                store(address, word);
            }
            protect(start, MprotectFlags::READ);
        }
        count
    }

    /// Passes words from this one on to or from memory, in one system call. Returns how many it passed before the first that it could
    /// not, or the kernel's negated error number.
    fn pass(&mut self, call: i64, first: usize) -> Result<usize, isize> {
        const NONE: libc::iovec = libc::iovec {
            iov_base: core::ptr::null_mut(),
            iov_len: 0,
        };
        let mut remote = [NONE; BATCH];
        let mut parts = 0_usize;
        for &address in self.addresses.get(first..self.count).unwrap_or_default() {
            let last = parts.checked_sub(1).and_then(|last| remote.get_mut(last));
            match last {
                Some(last) if last.iov_base as usize + last.iov_len == address => last.iov_len += WORD,
                _ => {
                    if let Some(part) = remote.get_mut(parts) {
                        part.iov_base = address as *mut c_void;
                        part.iov_len = WORD;
                    }
                    parts += 1;
                }
            }
        }
        let Some(words) = self.words.get_mut(first..self.count) else {
            return Ok(0);
        };
        let local = libc::iovec {
            iov_base: words.as_mut_ptr().cast(),
            iov_len: size_of_val(words),
        };
        let own = process::id().unsigned_abs() as usize;
        let places = [&raw const local as usize, remote.as_ptr() as usize];
        // SAFETY: `local` describes the words, which are ours; the kernel checks the addresses.
        let result = unsafe { system_call(call, [own, places[0], 1, places[1], parts, 0]) };
        usize::try_from(result).map(|bytes| bytes / WORD).map_err(|_| result)
    }
}

fn protect(page: usize, flags: MprotectFlags) -> bool {
    // SAFETY: the page holds a word that we have just read, and it is ours to write for a moment: the process has one thread.
    unsafe { mprotect(page as *mut c_void, PAGE, flags).is_ok() }
}

fn store(address: usize, word: usize) {
    // SAFETY: the word is aligned, was just read, and its page is writable now. Relaxed: there is one thread.
    unsafe { AtomicUsize::from_ptr(address as *mut usize) }.store(word, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Replacement, WORD, replace};
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

    /// The words of a page.
    const WORDS: usize = PAGE / WORD;

    #[test]
    fn words_are_replaced_in_protected_pages_and_left_where_nothing_is() {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of our own.
        let start = unsafe { mmap_anonymous(core::ptr::null_mut(), 5 * PAGE, protection, MapFlags::PRIVATE) }.unwrap();
        let page = |number: usize| start.cast::<u8>().wrapping_add(number * PAGE).cast();
        // SAFETY: the second and fourth page are ours, and nobody writes there meanwhile; nobody uses the third.
        unsafe {
            mprotect(page(1), PAGE, MprotectFlags::READ).unwrap();
            munmap(page(2), PAGE).unwrap();
            mprotect(page(3), PAGE, MprotectFlags::READ).unwrap();
        }
        let words = start.cast::<usize>();
        let replacement = |place: usize| Replacement {
            address: words as usize + place * WORD,
            old: [7, 0],
            new: place + 1,
        };
        // Neighbours and lone words, before and behind a hole; more than one call takes.
        let places: Vec<usize> = [0, 1, 2, 3, 9]
            .into_iter()
            .chain((WORDS - 2..WORDS + 40).step_by(2))
            .chain([2 * WORDS, 2 * WORDS + 1, 3 * WORDS, 3 * WORDS + 1])
            .chain((4 * WORDS..4 * WORDS + 40).step_by(3))
            .collect();
        // SAFETY: a word of the first page.
        unsafe { words.add(1).write(8) };
        let mut all: Vec<_> = places.iter().map(|&place| replacement(place)).collect();
        // Does not begin at a word's place.
        all.push(Replacement {
            address: words as usize + 4 * PAGE + 30 * WORD + 1,
            ..replacement(0)
        });
        replace(&all);
        for place in (0..5 * WORDS).filter(|place| place / WORDS != 2) {
            let expected = match place {
                1 => 8,
                _ if places.contains(&place) => place + 1,
                _ => 0,
            };
            // SAFETY: a word of a page that is still mapped.
            assert_eq!(unsafe { words.add(place).read_volatile() }, expected, "{place}");
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        for number in [1, 3] {
            let line = maps
                .lines()
                .find(|line| line.starts_with(&format!("{:x}-", page(number) as usize)));
            assert!(line.is_some_and(|line| line.contains(" r--p ")), "{number}: {line:?}");
        }
        // SAFETY: our mapping; nothing uses it any more.
        unsafe { munmap(start, 5 * PAGE) }.unwrap();
    }
}
