//! Guarded reads of a process's memory: unmapped memory gives nothing, where a dereference would kill the program.
//!
//! Safe in the parent and in a forked child: it takes no lock, allocates only what it returns, and dereferences no pointer. One's
//! own process is read in the same way as another, so that tests can read a foreign process.
#![allow(unsafe_code, reason = "process_vm_readv takes raw pointers")]

use core::ffi::c_void;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{pread, retry_on_intr};
use rustix::process::{Pid, getpid};

use crate::system_call::system_call;

/// The memory of one process, by its id: in a forked child the parent's value reads the *parent*, so make a new one.
#[derive(Clone, Copy, Debug)]
pub struct ProcessMemory {
    pid: Pid,
}

impl ProcessMemory {
    /// The memory of the calling process.
    pub fn own() -> Self {
        Self { pid: getpid() }
    }

    /// The memory of any process that we may trace; `None` where `pid` is not a process id.
    pub fn of(pid: i32) -> Option<Self> {
        Pid::from_raw(pid).map(|pid| Self { pid })
    }

    /// The prefix for this process's paths: its root may differ from ours.
    pub fn root(self) -> String {
        if self.pid == getpid() {
            String::new()
        } else {
            format!("/proc/{}/root", self.pid.as_raw_nonzero())
        }
    }

    /// Where the kernel shows the files behind its mappings.
    pub fn map_files(self) -> String {
        format!("/proc/{}/map_files", self.pid.as_raw_nonzero())
    }

    /// Copies memory at `address` into `into`; returns how many bytes could be read before the first hole.
    pub fn read_some(self, address: usize, into: &mut [u8]) -> usize {
        let local = libc::iovec {
            iov_base: into.as_mut_ptr().cast::<c_void>(),
            iov_len: into.len(),
        };
        let remote = libc::iovec {
            iov_base: core::ptr::without_provenance_mut(address),
            iov_len: into.len(),
        };
        let places = [&raw const local as usize, &raw const remote as usize];
        let pid = self.pid.as_raw_nonzero().get().unsigned_abs() as usize;
        if is_read_by_file() {
            return self.read_by_file(address, into);
        }
        // SAFETY: `local` describes exactly `into`, which we hold exclusively; `remote` is only ever read by the
        // kernel, which answers EFAULT where nothing is mapped.
        let count = unsafe { system_call(libc::SYS_process_vm_readv, [pid, places[0], 1, places[1], 1, 0]) };
        match usize::try_from(count) {
            Ok(count) => count,
            Err(_) => self.read_by_file(address, into),
        }
    }

    /// Fills all of `into` from `address` on; false where not all of it is mapped and readable.
    pub fn read(self, address: usize, into: &mut [u8]) -> bool {
        self.read_some(address, into) == into.len()
    }

    /// The machine word at `address`; `None` where none can be read.
    pub fn word(self, address: usize) -> Option<usize> {
        let mut bytes = [0; size_of::<usize>()];
        self.read(address, &mut bytes).then(|| usize::from_ne_bytes(bytes))
    }

    /// The `length` bytes at `address`; `None` where not all of them can be read.
    pub fn bytes(self, address: usize, length: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).ok()?;
        bytes.resize(length, 0);
        self.read(address, &mut bytes).then_some(bytes)
    }

    /// Shows every aligned word of `addresses`, with its address, to `see`, up to the first hole.
    pub fn each_word(self, addresses: Range<usize>, mut see: impl FnMut(usize, usize)) {
        self.each_chunk(addresses, 0, |start, bytes| {
            let words = bytes.as_chunks::<{ size_of::<usize>() }>().0;
            for (place, word) in words.iter().enumerate() {
                see(start + place * size_of::<usize>(), usize::from_ne_bytes(*word));
            }
        });
    }

    /// Shows `addresses` in pieces to `see`, each with its address and beginning `overlap` bytes before the end of the one
    /// before, up to the first hole.
    pub fn each_chunk(self, addresses: Range<usize>, overlap: usize, mut see: impl FnMut(usize, &[u8])) {
        const CHUNK: usize = 256 << 10;
        let mut buffer = vec![0; CHUNK.min(addresses.len())];
        let mut start = addresses.start;
        while start < addresses.end {
            let length = buffer.len().min(addresses.end - start);
            let read = self.read_some(start, buffer.get_mut(..length).unwrap_or_default());
            see(start, buffer.get(..read).unwrap_or_default());
            if read < length || start + length >= addresses.end || length <= overlap {
                return;
            }
            start += length - overlap;
        }
    }

    /// The same as [`Self::read_some`] through `/proc`, for sandboxes whose seccomp filter refuses `process_vm_readv` (Docker's did before
    /// kernel 4.8) or kills at it (systemd's, for a service with `SystemCallFilter=@system-service`).
    #[cold]
    fn read_by_file(self, address: usize, into: &mut [u8]) -> usize {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = if self.pid == getpid() {
            retry_on_intr(|| openat(CWD, c"/proc/thread-self/mem", flags, Mode::empty()))
        } else {
            let path = format!("/proc/{}/mem", self.pid.as_raw_nonzero());
            retry_on_intr(|| openat(CWD, path.as_str(), flags, Mode::empty()))
        };
        let Ok(memory) = opened else {
            return 0;
        };
        retry_on_intr(|| pread(&memory, &mut *into, address as u64)).unwrap_or(0)
    }
}

/// Whether memory is read through `/proc` instead of by `process_vm_readv`. Relaxed: either way is right for any reader.
static HOW: AtomicU8 = AtomicU8::new(NOT_KNOWN);
const NOT_KNOWN: u8 = 0;
const BY_CALL: u8 = 1;
const BY_FILE: u8 = 2;

/// Reads memory through `/proc` from now on, because a filter kills at `process_vm_readv`.
pub fn read_by_file_from_now_on() {
    HOW.store(BY_FILE, Ordering::Relaxed);
}

/// Whether memory is read through `/proc`. What a filter kills at that was installed before this program began is unknown, so memory
/// is then read by system calls that the loader has made, too.
pub fn is_read_by_file() -> bool {
    match HOW.load(Ordering::Relaxed) {
        NOT_KNOWN => {
            let by_file = has_filter();
            HOW.store(if by_file { BY_FILE } else { BY_CALL }, Ordering::Relaxed);
            by_file
        }
        how => how == BY_FILE,
    }
}

/// Whether the calling thread has a seccomp filter, as `/proc` says. `prctl` would say so, too, but the loader does not call it.
#[cold]
fn has_filter() -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = retry_on_intr(|| openat(CWD, c"/proc/thread-self/status", flags, Mode::empty())) else {
        return false;
    };
    let mut text = [0; 4096];
    let length = retry_on_intr(|| pread(&file, &mut text[..], 0)).unwrap_or(0);
    let text = text.get(..length).unwrap_or_default();
    let field = b"\nSeccomp:\t";
    let place = text.windows(field.len()).position(|window| window == field);
    place.is_some_and(|place| text.get(place + field.len()).is_some_and(|&mode| mode != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_read_what_is_mapped_and_nothing_else() {
        let kept = [1_u8, 2, 3, 4, 5, 6, 7, 8];
        let address = kept.as_ptr().addr();
        let memory = ProcessMemory::own();
        let mut found = [0; 8];
        assert!(memory.read(address, &mut found));
        assert_eq!(found, kept);
        assert_eq!(memory.word(address), Some(usize::from_ne_bytes(kept)));
        let mut found = [0; 8];
        assert_eq!(memory.read_by_file(address, &mut found), 8);
        assert_eq!(found, kept);
        assert_eq!(memory.word(16), None);
        assert_eq!(memory.read_by_file(16, &mut found), 0);
    }
}
