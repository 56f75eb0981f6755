//! A module's unwind tables (`.eh_frame` behind `.eh_frame_hdr`), read entry by entry from memory.
//!
//! For another process, or one that loads and unloads modules. Only the index is kept; an entry takes two guarded reads, since the
//! tables of a big library are tens of megabytes long. The loader is not called.

use super::Slice;
use gimli::{BaseAddresses, EhFrame, EhFrameHdr, FrameDescriptionEntry, NativeEndian, Pointer, UnwindSection};

use crate::memory::ProcessMemory;
use crate::module::Module;
use crate::processor::VENDOR;

/// The longest index that is read: eight million functions.
const MAX_INDEX: usize = 64 << 20;

/// The longest entry that is read; one is some hundred bytes, save for functions of absurd length.
const MAX_ENTRY: usize = 256 << 10;

/// The index of one module's unwind tables.
#[derive(Debug)]
pub struct UnwindTables {
    memory: ProcessMemory,
    index: Vec<u8>,
    bases: BaseAddresses,
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
        let place = module.unwind_index()?;
        if place.len() > MAX_INDEX {
            return None;
        }
        let index = memory.bytes(place.start, place.len())?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(place.start as u64);
        Some(Self { memory, index, bases })
    }

    /// The entry of the function that the code at `address` belongs to; `None` where no entry covers it.
    pub fn entry(&self, address: usize) -> Option<Entry> {
        let index = EhFrameHdr::new(&self.index, NativeEndian).parse(&self.bases, 8).ok()?;
        let Pointer::Direct(place) = index.table()?.lookup(address as u64, &self.bases).ok()? else {
            return None;
        };
        let entry = Entry::read(self.memory, usize::try_from(place).ok()?)?;
        let covers = entry.description()?.contains(address as u64);
        covers.then_some(entry)
    }
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
    pub fn code(&self) -> Option<core::ops::Range<usize>> {
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
