//! Which loaded object an address lies in, and where its code and unwind tables are: `_dl_find_object` (glibc 2.35) answers
//! without a lock, and [`listed`] where there is no such function.
//!
//! Everything else is read from the object's own headers in memory, and only where those say that something is mapped.
#![expect(unsafe_code, reason = "libc's function, and slices of what the loader has mapped")]

use core::ffi::{c_int, c_void};
use core::mem::offset_of;

use forkwatch_process::processor::VENDOR;
use forkwatch_process::unwind::Slice;
use gimli::{BaseAddresses, EhFrame, EhFrameHdr, FrameDescriptionEntry, NativeEndian, Pointer, UnwindSection};
use libc::{Elf64_Ehdr, Elf64_Phdr};

use super::listed;
use crate::system::hidden_name::hidden;
use crate::system::next_definition::Scope;
use crate::system::real::{nothing, real_function};

/// The smallest page: at least this much is mapped at an object's start, even of the kernel's, which on aarch64 says that it is smaller.
const PAGE: usize = 4096;

/// As in `<dlfcn.h>`.
#[repr(C)]
struct Found {
    flags: u64,
    start: *const u8,
    end: *const u8,
    link_map: *const c_void,
    index: *const u8,
    reserved: [u64; 7],
}

/// A loaded object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    start: usize,
    end: usize,
    /// Its `.eh_frame_hdr`.
    index: usize,
    /// The address of virtual address 0.
    base: usize,
    headers: &'static [Elf64_Phdr],
}

/// How the tables describe a function.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) section: EhFrame<Slice<'static>>,
    pub(super) bases: BaseAddresses,
    pub(super) description: FrameDescriptionEntry<Slice<'static>>,
    /// The bytes of its own part, without the part that it shares with others.
    pub(super) bytes: &'static [u8],
}

impl Object {
    /// The object that the loader has mapped around `address`.
    pub(super) fn around(address: usize) -> Option<Self> {
        let found = find(address)?;
        let (start, end) = (found.start.addr(), found.end.addr());
        if !(start..end).contains(&address) {
            return None;
        }
        let index = found.index.addr();
        // SAFETY: the loader has mapped the object from here on, a page at least.
        let head = unsafe { core::slice::from_raw_parts(found.start, PAGE) };
        let header = head.first_chunk::<{ size_of::<Elf64_Ehdr>() }>()?;
        if !header.starts_with(b"\x7fELF") {
            return Self::program_in_parts(start, index);
        }
        let at = |offset: usize| header.get(offset..);
        let first = usize::from_ne_bytes(*at(offset_of!(Elf64_Ehdr, e_phoff))?.first_chunk()?);
        let count = u16::from_ne_bytes(*at(offset_of!(Elf64_Ehdr, e_phnum))?.first_chunk()?);
        let bytes = usize::from(count) * size_of::<Elf64_Phdr>();
        let place = head
            .get(first..first.checked_add(bytes)?)?
            .as_ptr()
            .cast::<Elf64_Phdr>();
        if !place.is_aligned() {
            return None;
        }
        // SAFETY: they lie in the first page, aligned, and any bytes are valid ones.
        let headers = unsafe { core::slice::from_raw_parts(place, usize::from(count)) };
        let lowest = headers.iter().find(|header| header.p_type == libc::PT_LOAD)?;
        Some(Self {
            start,
            end,
            index,
            base: start.wrapping_sub(usize::try_from(lowest.p_vaddr).ok()? & !(PAGE - 1)),
            headers,
        })
    }

    /// The program, of which one part starts at `part`. Where its parts lie further apart than pages require, as those of Node.js do, the
    /// kernel leaves gaps between them, and libc answers only with the part around an address; the tables lie in another one.
    fn program_in_parts(part: usize, index: usize) -> Option<Self> {
        // SAFETY: the function only reads the auxiliary vector.
        let [place, count] = [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
        let place = core::ptr::with_exposed_provenance::<Elf64_Phdr>(usize::try_from(place).ok()?);
        if place.is_null() || !place.is_aligned() {
            return None;
        }
        // SAFETY: the kernel has mapped the program's headers there, and libc reads them in the same way.
        let headers = unsafe { core::slice::from_raw_parts(place, usize::try_from(count).ok()?) };
        let of_kind = |kind| headers.iter().filter(move |header| header.p_type == kind);
        let address = |address: u64| usize::try_from(address).ok();
        let base = place
            .addr()
            .wrapping_sub(address(of_kind(libc::PT_PHDR).next()?.p_vaddr)?);
        let (mut start, mut end, mut is_one_of_them) = (usize::MAX, 0, false);
        for header in of_kind(libc::PT_LOAD) {
            let first = base.wrapping_add(address(header.p_vaddr)?);
            let page = first & !(PAGE - 1);
            is_one_of_them |= page == part;
            start = start.min(page);
            end = end.max(first.checked_add(address(header.p_memsz)?)?);
        }
        // They are the loader's own where the program was started through it.
        is_one_of_them.then_some(Self {
            start,
            end,
            index,
            base,
            headers,
        })
    }

    /// Whether `address` lies in one of the object's parts. Another object may lie between two of them.
    pub(super) fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address) && self.mapped(address, 0).is_some()
    }

    /// What is mapped from `address` to the end of its segment, if that has all of these flags.
    fn mapped(&self, address: usize, flags: u32) -> Option<&'static [u8]> {
        let segment = self.headers.iter().find_map(|header| {
            let start = self.base.wrapping_add(usize::try_from(header.p_vaddr).ok()?);
            let offset = address.wrapping_sub(start);
            // A segment may be larger in memory than in the file; that part has neither tables nor code.
            let size = usize::try_from(header.p_filesz).ok()?;
            let fits = header.p_type == libc::PT_LOAD && header.p_flags & flags == flags && offset < size;
            fits.then_some(start..start.checked_add(size)?)
        })?;
        if segment.start < self.start || segment.end > self.end {
            return None;
        }
        let place = core::ptr::with_exposed_provenance(address);
        // SAFETY: the loader has mapped the object's segments by these headers, and none of ours changes them. Where
        // another thread unloads the object meanwhile, no frame of this thread's is in it, so that nothing leads here.
        Some(unsafe { core::slice::from_raw_parts(place, segment.end - address) })
    }

    /// The code from `address` on; `None` where there is no code.
    pub(super) fn code(&self, address: usize) -> Option<&'static [u8]> {
        self.mapped(address, libc::PF_R | libc::PF_X)
    }

    /// The bytes of the tables from `address` on; `None` where there are none.
    pub(super) fn table(&self, address: usize) -> Option<&'static [u8]> {
        self.mapped(address, libc::PF_R)
    }

    /// How the tables describe the function that the code at `address` belongs to.
    pub(super) fn entry(&self, address: usize) -> Option<Entry> {
        let bases = BaseAddresses::default().set_eh_frame_hdr(self.index as u64);
        let index = EhFrameHdr::new(self.table(self.index)?, NativeEndian);
        let index = index.parse(&bases, 8).ok()?;
        let Pointer::Direct(start) = index.eh_frame_ptr() else {
            return None;
        };
        let bases = bases.set_eh_frame(start);
        let start = usize::try_from(start).ok()?;
        let bytes = self.table(start)?;
        let mut section = EhFrame::new(bytes, NativeEndian);
        section.set_address_size(8);
        section.set_vendor(VENDOR);
        let Pointer::Direct(place) = index.table()?.lookup(address as u64, &bases).ok()? else {
            return None;
        };
        let offset = usize::try_from(place).ok()?.checked_sub(start)?;
        let description = section
            .fde_from_offset(&bases, offset.into(), EhFrame::cie_from_offset)
            .ok()?;
        let length = description.entry_len().checked_add(size_of::<u32>())?;
        description.contains(address as u64).then_some(Entry {
            bytes: bytes.get(offset..offset.checked_add(length)?)?,
            section,
            bases,
            description,
        })
    }
}

fn find(address: usize) -> Option<Found> {
    let mut found = Found {
        flags: 0,
        start: core::ptr::null(),
        end: core::ptr::null(),
        link_map: core::ptr::null(),
        index: core::ptr::null(),
        reserved: [0; 7],
    };
    let address = core::ptr::without_provenance_mut(address);
    // SAFETY: the structure is the one that the function fills; it follows no other pointer.
    let result = unsafe { find_object(address, (&raw mut found).cast()) };
    (result == 0).then_some(found)
}

real_function!(static DL_FIND_OBJECT = c"_dl_find_object", Scope::Next, None, Some(nothing));

// Rust's runtime calls this when a panic unwinds. Importing it from libc would keep the library from loading where libc does not
// have it; ours is hidden, so that no other library sees it.
hidden!(_dl_find_object = find_object);

/// As `_dl_find_object`: 0 when the object at this address was found and the structure filled, else -1.
unsafe extern "C" fn find_object(address: *mut c_void, object: *mut c_void) -> c_int {
    let Some(real) = DL_FIND_OBJECT.if_there() else {
        let Some(mapped) = listed::around(address.addr()) else {
            return -1;
        };
        let found = Found {
            flags: 0,
            start: core::ptr::with_exposed_provenance(mapped.start),
            end: core::ptr::with_exposed_provenance(mapped.end),
            link_map: core::ptr::with_exposed_provenance(mapped.map),
            index: core::ptr::with_exposed_provenance(mapped.index),
            reserved: [0; 7],
        };
        // SAFETY: the caller's structure is such a one.
        unsafe { object.cast::<Found>().write(found) };
        return 0;
    };
    // SAFETY: libc's function of this name has this type.
    let real =
        unsafe { core::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int>(real) };
    // SAFETY: the caller's own call.
    unsafe { real(address, object) }
}
