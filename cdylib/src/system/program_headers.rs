//! The program headers of a loaded object, read through the kernel: another thread may unload the object meanwhile.
#![expect(unsafe_code, reason = "plain integers as bytes, and the auxiliary vector")]

use core::mem::{offset_of, size_of};
use core::ops::Range;

use forkwatch_process::memory::ProcessMemory;
use libc::{Elf64_Ehdr, Elf64_Phdr};

/// More headers than any object has that is worth an answer; further ones are not looked at.
const MAX: usize = 32;
const PAGE: usize = 4096;

/// The program headers of one object.
pub struct ProgramHeaders {
    base: usize,
    headers: [Elf64_Phdr; MAX],
    count: usize,
}

impl ProgramHeaders {
    /// Those of the program itself, which the kernel passes on, wherever they lie.
    pub fn of_program(base: usize) -> Option<Self> {
        // SAFETY: the function only reads the auxiliary vector.
        let [place, count] = [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
        Self::read(base, usize::try_from(place).ok()?, usize::try_from(count).ok()?)
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
        Self::read(base, place, u16::from_ne_bytes(*count).into())
    }

    fn read(base: usize, place: usize, count: usize) -> Option<Self> {
        let count = count.min(MAX);
        // SAFETY: headers are plain integers, for which zero is valid.
        let mut headers: [Elf64_Phdr; MAX] = unsafe { core::mem::zeroed() };
        // SAFETY: the bytes are those of `headers`, of which any are valid.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(headers.as_mut_ptr().cast::<u8>(), count * size_of::<Elf64_Phdr>())
        };
        ProcessMemory::own()
            .read(place, bytes)
            .then_some(Self { base, headers, count })
    }

    fn of_kind(&self, kind: u32) -> impl Iterator<Item = &Elf64_Phdr> {
        self.headers
            .iter()
            .take(self.count)
            .filter(move |header| header.p_type == kind)
    }

    fn place(&self, address: u64) -> usize {
        self.base.wrapping_add(usize::try_from(address).unwrap_or(0))
    }

    /// From the page with its first byte to behind its last one.
    pub fn extent(&self) -> Range<usize> {
        let starts = self
            .of_kind(libc::PT_LOAD)
            .map(|part| self.place(part.p_vaddr) & !(PAGE - 1));
        let ends = self
            .of_kind(libc::PT_LOAD)
            .map(|part| self.place(part.p_vaddr.saturating_add(part.p_memsz)));
        starts.min().unwrap_or(0)..ends.max().unwrap_or(0)
    }

    /// The address of its `.eh_frame_hdr`; 0 where it has none.
    pub fn unwind_index(&self) -> usize {
        self.of_kind(libc::PT_GNU_EH_FRAME)
            .next()
            .map_or(0, |part| self.place(part.p_vaddr))
    }
}
