//! One loaded object, and the definitions in its own symbol tables (the ELF specification; `DT_GNU_HASH` as glibc's
//! `do_lookup_x` reads it). Nothing here takes a lock, allocates, or calls libc.
#![expect(unsafe_code, reason = "tables in other libraries")]

use core::ffi::CStr;
use core::mem::{MaybeUninit, size_of};
use core::ops::Range;

use forkwatch_process::memory::ProcessMemory;

/// How the tables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// In place: for objects that cannot be unloaded meanwhile.
    Direct,
    /// Through the kernel, which fails where another thread has just unloaded an object.
    Guarded,
}

impl Access {
    /// The value at this address; `T` is made of plain integers.
    pub fn read<T: Copy>(self, address: usize) -> Option<T> {
        if self == Self::Direct {
            // SAFETY: the loader has mapped the tables of an object that stays; `T` is made of plain integers.
            return (address != 0).then(|| unsafe { (address as *const T).read_unaligned() });
        }
        let mut value = MaybeUninit::<T>::zeroed();
        // SAFETY: the bytes are those of `value`, and all of them are zero.
        let bytes = unsafe { core::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<u8>(), size_of::<T>()) };
        let read = ProcessMemory::own().read(address, bytes);
        // SAFETY: all of it was filled, and `T` is made of plain integers.
        read.then(|| unsafe { value.assume_init() })
    }

    /// Whether this text, with its NUL, is there.
    pub fn stands(self, text: &CStr, address: usize) -> bool {
        let mut bytes = text.to_bytes_with_nul().iter().enumerate();
        bytes.all(|(index, &byte)| self.read(address + index) == Some(byte))
    }
}

/// The loader's public record of one object (`link.h`).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LinkMap {
    /// The distance between the addresses in the file and in memory.
    pub base: usize,
    /// The address of its path.
    pub path: usize,
    /// The address of its dynamic section.
    pub dynamic: usize,
    /// The record of the next object.
    pub next: usize,
    _previous: usize,
}

/// One loaded object: where its tables lie, 0 where it has none.
#[derive(Debug)]
pub struct Object {
    access: Access,
    /// The distance between the addresses in the file and in memory.
    pub base: usize,
    path: usize,
    /// The address of its dynamic section, which identifies it.
    pub dynamic: usize,
    /// The address of its symbols.
    pub symbols: usize,
    /// The address of their names.
    pub strings: usize,
    gnu_hash: usize,
    old_hash: usize,
    versions: usize,
    version_names: usize,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: usize,
}

impl Object {
    /// The object of this record of the loader's; `None` where it has no symbols.
    pub fn of(access: Access, map: &LinkMap) -> Option<Self> {
        let mut object = Self {
            access,
            base: map.base,
            path: map.path,
            dynamic: map.dynamic,
            symbols: 0,
            strings: 0,
            gnu_hash: 0,
            old_hash: 0,
            versions: 0,
            version_names: 0,
        };
        for [tag, value] in entries(access, map.dynamic) {
            // The loader replaces offsets by addresses, except where it cannot write, as in the vDSO.
            let address = if value < map.base { map.base + value } else { value };
            match tag {
                DT_STRTAB => object.strings = address,
                DT_SYMTAB => object.symbols = address,
                DT_HASH => object.old_hash = address,
                DT_GNU_HASH => object.gnu_hash = address,
                DT_VERSYM => object.versions = address,
                DT_VERDEF => object.version_names = address,
                _ => {}
            }
        }
        (object.symbols != 0 && object.strings != 0).then_some(object)
    }

    /// Where it defines this name, in one version where a version is given.
    pub fn definition(&self, name: &CStr, version: Option<&CStr>) -> Option<usize> {
        self.extent(name, version).map(|extent| extent.start)
    }

    /// The addresses that the definition of this name takes; empty where its size is not known.
    pub fn extent(&self, name: &CStr, version: Option<&CStr>) -> Option<Range<usize>> {
        self.find(name, |index| self.symbol(index, name, version))
    }

    /// Whether it defines a function of this name, in whichever version.
    pub fn defines_function(&self, name: &CStr) -> bool {
        let is_function = |index: u32| {
            let symbol: Symbol = self.access.read(self.symbols + index as usize * size_of::<Symbol>())?;
            let fits = symbol.section != 0
                && symbol.info >> 4 != STB_LOCAL
                && matches!(symbol.info & 0xf, STT_FUNC | STT_GNU_IFUNC)
                && self.access.stands(name, self.strings + symbol.name as usize);
            fits.then_some(())
        };
        self.find(name, is_function).is_some()
    }

    /// The first symbol that may have this name and fits.
    fn find<T>(&self, name: &CStr, fits: impl Fn(u32) -> Option<T>) -> Option<T> {
        if self.gnu_hash != 0 {
            self.by_gnu_hash(name, fits)
        } else {
            self.by_old_hash(name, fits)
        }
    }

    /// `DT_GNU_HASH`: a filter that rejects most names, buckets, and chains that end with an odd hash.
    fn by_gnu_hash<T>(&self, name: &CStr, fits: impl Fn(u32) -> Option<T>) -> Option<T> {
        let [buckets, first, filters, shift]: [u32; 4] = self.access.read(self.gnu_hash)?;
        let hash = name
            .to_bytes()
            .iter()
            .fold(5381_u32, |hash, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()));
        let filter_at = self.gnu_hash + 16;
        let word = (hash / 64).checked_rem(filters)?;
        let filter: u64 = self.access.read(filter_at + word as usize * 8)?;
        if filter >> (hash % 64) & filter >> (hash.checked_shr(shift)? % 64) & 1 == 0 {
            return None;
        }
        let buckets_at = filter_at + filters as usize * 8;
        let chains_at = buckets_at + buckets as usize * 4;
        let bucket = hash.checked_rem(buckets)?;
        let mut index: u32 = self.access.read(buckets_at + bucket as usize * 4)?;
        while index >= first {
            let entry: u32 = self.access.read(chains_at + (index - first) as usize * 4)?;
            if entry | 1 == hash | 1
                && let Some(found) = fits(index)
            {
                return Some(found);
            }
            if entry & 1 != 0 {
                break;
            }
            index += 1;
        }
        None
    }

    /// `DT_HASH`, for objects that have no newer table.
    fn by_old_hash<T>(&self, name: &CStr, fits: impl Fn(u32) -> Option<T>) -> Option<T> {
        if self.old_hash == 0 {
            return None;
        }
        let [buckets, chains]: [u32; 2] = self.access.read(self.old_hash)?;
        let hash = name.to_bytes().iter().fold(0_u32, |hash, &byte| {
            let hash = (hash << 4).wrapping_add(byte.into());
            (hash ^ (hash >> 24 & 0xf0)) & 0x0fff_ffff
        });
        let word = |number: usize| self.access.read::<u32>(self.old_hash + 8 + number * 4);
        let mut index = word(hash.checked_rem(buckets)? as usize)?;
        // As many steps as there are symbols: a damaged chain must not lead in a circle.
        for _ in 0..chains {
            if index == 0 {
                break;
            }
            if let Some(found) = fits(index) {
                return Some(found);
            }
            index = word(buckets as usize + index as usize)?;
        }
        None
    }

    fn symbol(&self, index: u32, name: &CStr, version: Option<&CStr>) -> Option<Range<usize>> {
        let symbol: Symbol = self.access.read(self.symbols + index as usize * size_of::<Symbol>())?;
        let kind = symbol.info & 0xf;
        let is_defined = symbol.section != 0 && symbol.value != 0 && symbol.info >> 4 != STB_LOCAL;
        let fits = is_defined
            && matches!(kind, STT_NOTYPE | STT_OBJECT | STT_FUNC | STT_GNU_IFUNC)
            && self.access.stands(name, self.strings + symbol.name as usize)
            && self.is_version(index, version);
        if !fits {
            return None;
        }
        let address = self.base + symbol.value;
        if kind == STT_GNU_IFUNC {
            // SAFETY: such a symbol is a function without arguments that returns the address of the one to call, and its library
            // is relocated before any of our code runs.
            let address = unsafe { core::mem::transmute::<usize, extern "C" fn() -> usize>(address)() };
            return Some(address..address);
        }
        Some(address..address.saturating_add(symbol.size))
    }

    /// Whether a symbol has this version; without one, whether it is the default, which a newly linked program would get.
    fn is_version(&self, index: u32, version: Option<&CStr>) -> bool {
        /// Set where the version is only for old programs.
        const HIDDEN: u16 = 0x8000;
        /// Numbers up to this one mean no version at all.
        const GLOBAL: u16 = 1;
        if self.versions == 0 {
            return true;
        }
        let Some(number) = self.access.read::<u16>(self.versions + index as usize * 2) else {
            return false;
        };
        let is_hidden = number & HIDDEN != 0;
        match version {
            None => !is_hidden,
            Some(_) if number <= GLOBAL => true,
            Some(version) => self
                .version_name(number & !HIDDEN)
                .is_some_and(|name| self.access.stands(version, name)),
        }
    }

    /// The address of the name of the version with this number.
    fn version_name(&self, number: u16) -> Option<usize> {
        #[derive(Clone, Copy)]
        #[repr(C)]
        struct Definition {
            revision: u16,
            flags: u16,
            number: u16,
            names: u16,
            hash: u32,
            first_name: u32,
            next: u32,
        }
        let mut at = self.version_names;
        // A version's number is a small one.
        for _ in 0..u16::MAX {
            let definition: Definition = self.access.read(at)?;
            if definition.number == number {
                let name: u32 = self.access.read(at + definition.first_name as usize)?;
                return Some(self.strings + name as usize);
            }
            if definition.next == 0 {
                break;
            }
            at += definition.next as usize;
        }
        None
    }

    /// Whether it is libc, or its part for threads (a library of its own before glibc 2.34). musl's libc is its dynamic linker.
    pub fn is_libc(&self) -> bool {
        let is_musl = |at| {
            let mut bytes = b"ld-musl-".iter().enumerate();
            bytes.all(|(index, &byte)| self.access.read(at + index) == Some(byte))
        };
        let names = [c"libc.so.6", c"libpthread.so.0"];
        names.into_iter().any(|name| self.is_called(name)) || self.ends_with(is_musl)
    }

    /// The addresses from its first part to its last; empty where its headers cannot be read.
    pub fn range(&self) -> Range<usize> {
        let parts = self.parts().filter(|part| part.p_type == PT_LOAD);
        let end = parts.map(|part| part.p_vaddr + part.p_memsz).max().unwrap_or(0);
        self.base..self.base + usize::try_from(end).unwrap_or(0)
    }

    /// Whether its path ends in this name.
    pub fn is_called(&self, name: &CStr) -> bool {
        self.ends_with(|at| self.access.stands(name, at))
    }

    /// Whether the text behind the last slash of its path is one that `fits`.
    fn ends_with(&self, fits: impl Fn(usize) -> bool) -> bool {
        /// No path is longer (`PATH_MAX`).
        const MAX_LENGTH: usize = 4096;
        let mut start = self.path;
        for at in self.path..self.path + MAX_LENGTH {
            match self.access.read::<u8>(at) {
                Some(b'/') => start = at + 1,
                Some(0) => return start != at && fits(start),
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    /// Where its relocations that name a symbol lie: those of slots for calls, and the others.
    pub fn relocations(&self) -> [Range<usize>; 2] {
        const ENTRY: usize = 24;
        let [mut calls, mut calls_bytes, mut others, mut others_bytes, mut nameless] = [0; 5];
        for [tag, value] in entries(self.access, self.dynamic) {
            match tag {
                DT_JMPREL => calls = value,
                DT_PLTRELSZ => calls_bytes = value,
                DT_RELA => others = value,
                DT_RELASZ => others_bytes = value,
                // The linker puts relocations without a symbol first.
                DT_RELACOUNT => nameless = value * ENTRY,
                _ => {}
            }
        }
        let in_memory = |start: usize| if start < self.base { self.base + start } else { start };
        let range = |start: usize, skipped: usize, bytes: usize| match start {
            0 => 0..0,
            start => in_memory(start) + skipped..in_memory(start) + bytes,
        };
        [range(calls, 0, calls_bytes), range(others, nameless, others_bytes)]
    }

    /// Whether it names this object as needed.
    pub fn needs(&self, other: &Self) -> bool {
        let needed = entries(self.access, self.dynamic).filter(|[tag, _]| *tag == DT_NEEDED);
        let mut names = needed.map(|[_, offset]| self.strings + offset);
        names.any(|name| other.ends_with(|at| same_text(self.access, name, at)))
    }

    /// Whether this place lies in one of its parts, by the program headers that lie at its start.
    pub fn contains(&self, place: usize) -> bool {
        let Some(distance) = place.checked_sub(self.base) else {
            return false;
        };
        let mut parts = self.parts().filter(|part| part.p_type == PT_LOAD);
        parts.any(|part| {
            let into = (distance as u64).checked_sub(part.p_vaddr);
            into.is_some_and(|into| into < part.p_memsz)
        })
    }

    /// Its program headers; none of an object that is loaded at address 0.
    fn parts(&self) -> impl Iterator<Item = libc::Elf64_Phdr> {
        let header: Option<libc::Elf64_Ehdr> = if self.base == 0 {
            None
        } else {
            self.access.read(self.base)
        };
        let header = header.filter(|header| header.e_ident.starts_with(b"\x7fELF"));
        let (count, offset) = header.map_or((0, 0), |header| (header.e_phnum, header.e_phoff));
        (0..usize::from(count)).map_while(move |number| {
            let at = self.base + usize::try_from(offset).ok()? + number * size_of::<libc::Elf64_Phdr>();
            self.access.read::<libc::Elf64_Phdr>(at)
        })
    }
}

/// The entries of a dynamic section: tag and value.
fn entries(access: Access, dynamic: usize) -> impl Iterator<Item = [usize; 2]> {
    /// More than any object has; the last entry's tag is 0.
    const MAX: usize = 512;
    (0..MAX)
        .map_while(move |number| access.read::<[usize; 2]>(dynamic + number * 16))
        .take_while(|[tag, _]| *tag != 0)
}

fn same_text(access: Access, one: usize, other: usize) -> bool {
    for index in 0..usize::from(u8::MAX) {
        match (access.read::<u8>(one + index), access.read::<u8>(other + index)) {
            (Some(0), Some(0)) => return true,
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
    false
}

const PT_LOAD: u32 = 1;
const DT_NEEDED: usize = 1;
const DT_PLTRELSZ: usize = 2;
const DT_HASH: usize = 4;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
const DT_JMPREL: usize = 23;
const DT_RELACOUNT: usize = 0x6fff_fff9;
const DT_GNU_HASH: usize = 0x6fff_fef5;
const DT_VERSYM: usize = 0x6fff_fff0;
const DT_VERDEF: usize = 0x6fff_fffc;
const STB_LOCAL: u8 = 0;
const STT_NOTYPE: u8 = 0;
const STT_OBJECT: u8 = 1;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;
