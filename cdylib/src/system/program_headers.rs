//! The program headers of a loaded object, read through the kernel: another thread may unload the object meanwhile. One at a time,
//! because the thread that asks may have little stack left.
#![expect(unsafe_code, reason = "the auxiliary vector")]

use core::mem::{offset_of, size_of};
use core::ops::Range;

use forkwatch_process::memory::ProcessMemory;
use libc::{Elf64_Ehdr, Elf64_Phdr};

use super::loaded_object::Access;

/// More headers than any object has that is worth an answer; further ones are not looked at.
const MAX: usize = 64;
const PAGE: usize = 4096;

/// Where the program headers of one object lie.
#[derive(Clone, Copy, Debug)]
pub struct ProgramHeaders {
    base: usize,
    place: usize,
    count: usize,
}

impl ProgramHeaders {
    /// Those of the program itself, which the kernel passes on, wherever they lie.
    pub fn of_program(base: usize) -> Option<Self> {
        // SAFETY: the function only reads the auxiliary vector.
        let [place, count] = [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
        let (place, count) = (usize::try_from(place).ok()?, usize::try_from(count).ok()?);
        Some(Self { base, place, count })
    }

    /// Those of an object whose file header is at its start.
    pub fn at_start(base: usize) -> Option<Self> {
        let mut header = [0; size_of::<Elf64_Ehdr>()];
        if base == 0 || !ProcessMemory::own().read(base, &mut header) || !header.starts_with(b"\x7fELF") {
            return None;
        }
        let place = header.get(offset_of!(Elf64_Ehdr, e_phoff)..)?.first_chunk()?;
        let count = header.get(offset_of!(Elf64_Ehdr, e_phnum)..)?.first_chunk()?;
        let place = base.checked_add(usize::from_ne_bytes(*place))?;
        let count = u16::from_ne_bytes(*count).into();
        Some(Self { base, place, count })
    }

    fn of_kind(self, kind: u32) -> impl Iterator<Item = Elf64_Phdr> {
        let header = move |number| Access::Guarded.read::<Elf64_Phdr>(self.place + number * size_of::<Elf64_Phdr>());
        let headers = (0..self.count.min(MAX)).map_while(header);
        headers.filter(move |header| header.p_type == kind)
    }

    fn place(self, address: u64) -> usize {
        self.base.wrapping_add(usize::try_from(address).unwrap_or(0))
    }

    /// From the page with its first byte to behind its last one.
    pub fn extent(self) -> Range<usize> {
        let (mut start, mut end) = (usize::MAX, 0);
        for part in self.of_kind(libc::PT_LOAD) {
            start = start.min(self.place(part.p_vaddr) & !(PAGE - 1));
            end = end.max(self.place(part.p_vaddr.saturating_add(part.p_memsz)));
        }
        start..end
    }

    /// The address of its `.eh_frame_hdr`; 0 where it has none.
    pub fn unwind_index(self) -> usize {
        let index = self.of_kind(libc::PT_GNU_EH_FRAME).next();
        index.map_or(0, |part| self.place(part.p_vaddr))
    }
}
