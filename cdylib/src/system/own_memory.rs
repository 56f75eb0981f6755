//! Writes to words of this process that may be protected, as the loader protects its tables (RELRO), or gone.
//!
//! Opening `/proc/self/mem` would cost a new process more than its fork: the kernel makes the folder for it.
#![expect(unsafe_code, reason = "changes a page's protection")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::system_call::system_call;
use rustix::mm::{MprotectFlags, mprotect};

use super::process;

/// The smallest page of both processors.
const PAGE: usize = 4096;

/// What became of a write.
#[derive(PartialEq, Eq)]
enum Written {
    Yes,
    /// The kernel says that the page is not writable.
    IsProtected,
    No,
}

/// Replaces words. Protected pages stay open until the next page, or the end.
#[derive(Debug, Default)]
pub struct OwnMemory {
    open: Option<usize>,
}

impl OwnMemory {
    /// Writes `new` at `address`, a word of its own, if one of `old` stands there. This thread must be the only one.
    pub fn replace(&mut self, address: usize, old: [usize; 2], new: usize) {
        if !address.is_multiple_of(size_of::<usize>())
            || !ProcessMemory::own()
                .word(address)
                .is_some_and(|word| old.contains(&word))
        {
            return;
        }
        let page = address & !(PAGE - 1);
        if self.open == Some(page) {
            store(address, new);
        } else if write(address, new) == Written::IsProtected {
            self.close();
            if protect(page, MprotectFlags::READ | MprotectFlags::WRITE) {
                self.open = Some(page);
                store(address, new);
            }
        }
    }

    /// Protects the last page again.
    pub fn close(&mut self) {
        if let Some(page) = self.open.take() {
            protect(page, MprotectFlags::READ);
        }
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

/// Writes as the kernel writes for another process: where that is not allowed, it says so.
fn write(address: usize, word: usize) -> Written {
    let iovec = |base: usize| libc::iovec {
        iov_base: base as *mut c_void,
        iov_len: size_of::<usize>(),
    };
    let (local, remote) = (iovec(&raw const word as usize), iovec(address));
    let own = process::id().unsigned_abs() as usize;
    let places = [&raw const local as usize, &raw const remote as usize];
    // SAFETY: `local` describes `word`; the kernel checks `remote`.
    let result = unsafe { system_call(libc::SYS_process_vm_writev, [own, places[0], 1, places[1], 1, 0]) };
    match result {
        8 => Written::Yes,
        error if error == -(libc::EFAULT as isize) => Written::IsProtected,
        _ => Written::No,
    }
}

#[cfg(test)]
mod tests {
    use super::OwnMemory;
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

    #[test]
    fn words_are_replaced_in_protected_pages_and_left_where_nothing_is() {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of our own.
        let page = unsafe { mmap_anonymous(core::ptr::null_mut(), 8192, protection, MapFlags::PRIVATE) }.unwrap();
        let words = page.cast::<usize>();
        let read = |place: usize| {
            // SAFETY: a word of the mapping.
            unsafe { words.add(place).read_volatile() }
        };
        // SAFETY: the first page is ours, and nobody writes there meanwhile.
        unsafe { mprotect(page, 4096, MprotectFlags::READ) }.unwrap();
        let mut memory = OwnMemory::default();
        for place in [0, 1, 512] {
            memory.replace(words as usize + place * 8, [7, 0], place + 1);
        }
        memory.replace(words as usize + 16, [7, 8], 9);
        memory.close();
        assert_eq!([read(0), read(1), read(2), read(512)], [1, 2, 0, 513]);
        assert!(super::write(words as usize, 5) == super::Written::IsProtected);
        // SAFETY: our mapping; nothing uses it any more.
        unsafe { munmap(page, 8192) }.unwrap();
        memory.replace(words as usize, [1, 1], 2);
    }
}
