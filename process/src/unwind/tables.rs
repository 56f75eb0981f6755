//! A module's unwind tables (`.eh_frame` behind `.eh_frame_hdr`), read entry by entry from memory.
//!
//! For another process, or one that loads and unloads modules. Only the index is kept; an entry takes two guarded reads, since the
//! tables of a big library are tens of megabytes long. The loader is not called. Static programs, whose linker may leave
//! `.eh_frame_hdr` out, have their index made from the whole table.

use core::ops::Range;

use super::Slice;
use crate::elf_image::ENDIAN;
use gimli::{
    BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, FrameDescriptionEntry, NativeEndian, Pointer, UnwindSection,
};

use crate::memory::ProcessMemory;
use crate::module::Module;
use crate::processor::VENDOR;

/// The longest index that is read: eight million functions.
const MAX_INDEX: usize = 64 << 20;

/// The longest table that an index is made from; that of a static program is some ten kilobytes to a few megabytes.
const MAX_TABLE: usize = 32 << 20;

/// The longest entry that is read; one is some hundred bytes, save for functions of absurd length.
const MAX_ENTRY: usize = 256 << 10;

/// The index of one module's unwind tables.
#[derive(Debug)]
pub struct UnwindTables {
    memory: ProcessMemory,
    index: Index,
}

#[derive(Debug)]
enum Index {
    /// The linker's, and what its numbers are relative to.
    Linked(Vec<u8>, BaseAddresses),
    /// Our own: each function's addresses, in order, and the place of its entry.
    Made(Vec<(Range<usize>, usize)>),
}

/// How to unwind one function: its entry (FDE) behind the entry's common part (CIE), copied from where they are.
#[derive(Debug)]
pub struct Entry {
    bytes: Vec<u8>,
    common_length: usize,
    bases: BaseAddresses,
}

impl UnwindTables {
    /// Those of `module`, which is loaded in `memory`; `None` where it has none.
    pub fn of(module: &Module, memory: ProcessMemory) -> Option<Self> {
        let index = match module.unwind_index() {
            Some(place) if place.len() > MAX_INDEX => return None,
            Some(place) => {
                let bases = BaseAddresses::default().set_eh_frame_hdr(place.start as u64);
                Index::Linked(memory.bytes(place.start, place.len())?, bases)
            }
            None => Index::Made(functions(module, memory)?),
        };
        Some(Self { memory, index })
    }

    /// The entry of the function that the code at `address` belongs to; `None` where no entry covers it.
    pub fn entry(&self, address: usize) -> Option<Entry> {
        let place = match &self.index {
            Index::Linked(index, bases) => {
                let index = EhFrameHdr::new(index, NativeEndian).parse(bases, 8).ok()?;
                match index.table()?.lookup(address as u64, bases).ok()? {
                    Pointer::Direct(place) => usize::try_from(place).ok()?,
                    Pointer::Indirect(_) => return None,
                }
            }
            Index::Made(functions) => {
                let behind = functions.partition_point(|(code, _)| code.start <= address);
                functions.get(behind.checked_sub(1)?)?.1
            }
        };
        let entry = Entry::read(self.memory, place)?;
        let covers = entry.description()?.contains(address as u64);
        covers.then_some(entry)
    }
}

/// The functions in `.eh_frame`, in order of their addresses, each with the place of its entry. The section headers of the module's file say
/// where the table is.
fn functions(module: &Module, memory: ProcessMemory) -> Option<Vec<(Range<usize>, usize)>> {
    let sections = module.open(memory)?.sections()?;
    let section = sections.named(b".eh_frame")?;
    let start = module
        .base()
        .wrapping_add(usize::try_from(section.sh_addr.get(ENDIAN)).ok()?);
    let length = usize::try_from(section.sh_size.get(ENDIAN)).ok();
    let bytes = memory.bytes(start, length.filter(|&length| length <= MAX_TABLE)?)?;
    let mut table = EhFrame::new(&bytes, NativeEndian);
    table.set_address_size(8);
    let bases = BaseAddresses::default().set_eh_frame(start as u64);
    let (mut entries, mut functions) = (table.entries(&bases), Vec::new());
    // What follows a damaged entry cannot be found.
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(function) = entry else { continue };
        let Ok(function) = function.parse(EhFrame::cie_from_offset) else {
            continue;
        };
        let code = [function.initial_address(), function.end_address()].map(usize::try_from);
        if let [Ok(first), Ok(end)] = code {
            functions.push((first..end, start.wrapping_add(function.offset())));
        }
    }
    functions.sort_unstable_by_key(|(code, _)| code.start);
    Some(functions)
}

impl Entry {
    /// Reads the FDE at `place` and its CIE.
    fn read(memory: ProcessMemory, place: usize) -> Option<Self> {
        const WORD: usize = 4;
        let mut own = record(memory, place)?;
        // The second word of an FDE is how far before that word its CIE begins.
        let field = own.get_mut(WORD..2 * WORD)?;
        let distance = u32::from_ne_bytes(field.try_into().ok()?);
        let mut bytes = record(memory, place.checked_add(WORD)?.checked_sub(distance as usize)?)?;
        let common_length = bytes.len();
        // In our copy the two are side by side.
        field.copy_from_slice(&u32::try_from(common_length.checked_add(WORD)?).ok()?.to_ne_bytes());
        bytes.append(&mut own);
        // Numbers in the FDE are relative to where it stood; the CIE has none that we use.
        let bases = BaseAddresses::default().set_eh_frame(place.wrapping_sub(common_length) as u64);
        Some(Self {
            bytes,
            common_length,
            bases,
        })
    }

    /// The two parts as the section that gimli takes them for.
    pub fn section(&self) -> EhFrame<Slice<'_>> {
        let mut section = EhFrame::new(&self.bytes, NativeEndian);
        section.set_address_size(8);
        section.set_vendor(VENDOR);
        section
    }

    /// What the numbers in [`Self::section`] are relative to.
    pub fn bases(&self) -> &BaseAddresses {
        &self.bases
    }

    /// The entry itself.
    pub fn description(&self) -> Option<FrameDescriptionEntry<Slice<'_>>> {
        self.section()
            .fde_from_offset(&self.bases, self.common_length.into(), EhFrame::cie_from_offset)
            .ok()
    }

    /// The code that the entry is about: a function, or the part of it that the compiler put elsewhere.
    pub fn code(&self) -> Option<Range<usize>> {
        let description = self.description()?;
        let start = usize::try_from(description.initial_address()).ok()?;
        Some(start..usize::try_from(description.end_address()).ok()?)
    }
}

/// The CIE or FDE at `place`, its length word included.
fn record(memory: ProcessMemory, place: usize) -> Option<Vec<u8>> {
    // Nearly every one fits, so that one read is enough.
    let mut bytes = vec![0; 256];
    let had = memory.read_some(place, &mut bytes);
    let word = bytes.get(..had)?.first_chunk::<4>()?;
    // A length of all ones announces the 64-bit format, which no compiler writes here.
    let length = (u32::from_ne_bytes(*word) as usize)
        .checked_add(4)
        .filter(|&length| length <= MAX_ENTRY)?;
    if length > had {
        return memory.bytes(place, length);
    }
    bytes.truncate(length);
    Some(bytes)
}
