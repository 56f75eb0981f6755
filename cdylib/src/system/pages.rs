//! Memory that is read in many small pieces near each other: through the kernel, a page at a time.

use core::ffi::CStr;
use core::mem::{MaybeUninit, size_of};

use forkwatch_process::memory::ProcessMemory;

use super::loaded_object::Access;

const PAGE: usize = 4096;
/// Pages that are kept.
const KEPT: usize = 32;

/// The pages that were read last.
#[derive(Debug)]
pub struct Pages {
    access: Access,
    kept: Vec<Page>,
}

#[derive(Clone, Debug)]
struct Page {
    /// Its address; 0 before one is read.
    start: usize,
    length: usize,
    bytes: [u8; PAGE],
}

impl Pages {
    /// Nothing read yet.
    pub fn new(access: Access) -> Self {
        const NONE: Page = Page {
            start: 0,
            length: 0,
            bytes: [0; PAGE],
        };
        let count = if access == Access::Guarded { KEPT } else { 0 };
        Self {
            access,
            kept: vec![NONE; count],
        }
    }

    /// The value at this address; `T` is made of plain integers.
    pub fn read<T: Copy>(&mut self, address: usize) -> Option<T> {
        let offset = address % PAGE;
        let start = address - offset;
        if start == 0 {
            return None;
        }
        let Some(page) = self.kept.get_mut(start / PAGE % KEPT) else {
            return self.access.read(address);
        };
        if offset + size_of::<T>() > PAGE {
            return self.access.read(address);
        }
        if page.start != start {
            page.start = start;
            // A page is mapped as a whole or not at all.
            page.length = ProcessMemory::own().read_some(start, &mut page.bytes);
        }
        let from = page.bytes.get(..page.length)?.get(offset..offset + size_of::<T>())?;
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: as many bytes as the value has; the two do not overlap.
        #[expect(unsafe_code, reason = "a value from its bytes")]
        unsafe {
            value
                .as_mut_ptr()
                .cast::<u8>()
                .copy_from_nonoverlapping(from.as_ptr(), size_of::<T>());
        }
        // SAFETY: all of it was filled, and `T` is made of plain integers.
        #[expect(unsafe_code, reason = "a value from its bytes")]
        Some(unsafe { value.assume_init() })
    }

    /// Whether this text, with its NUL, is there.
    pub fn stands(&mut self, text: &CStr, address: usize) -> bool {
        let mut bytes = text.to_bytes_with_nul().iter().enumerate();
        bytes.all(|(index, &byte)| self.read(address + index) == Some(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, PAGE, Pages};

    #[test]
    fn every_place_reads_as_it_is() {
        let memory: Vec<u8> = (0..=250_u8).cycle().take(40 * PAGE).collect();
        let start = memory.as_ptr() as usize;
        for access in [Access::Direct, Access::Guarded] {
            let mut pages = Pages::new(access);
            for index in (0..memory.len() - 8).step_by(5) {
                let expected = u64::from_ne_bytes(memory[index..index + 8].try_into().unwrap());
                assert_eq!(pages.read(start + index), Some(expected), "{index}");
            }
        }
        let mut pages = Pages::new(Access::Guarded);
        assert!(pages.stands(c"text", c"text".as_ptr() as usize));
        assert!(!pages.stands(c"text", c"texts".as_ptr() as usize));
        assert_eq!(pages.read::<u64>(PAGE), None);
    }
}
