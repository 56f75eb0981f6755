//! The symbol tables of one image: which function or variable an address belongs to, and where a name is.
//!
//! A table is read once, in pieces, whatever its size, and only the names that are needed: a library may have a million symbols.

use core::cmp::Reverse;
use core::ops::Range;

use object::elf::{
    SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STB_GLOBAL, STB_WEAK, STT_COMMON, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT,
    SectionType, Sym64, SymbolBind, SymbolType,
};
use object::pod::slice_from_all_bytes;

use crate::elf_image::{ENDIAN, Image, Section, Sections};

type Symbol = Sym64<object::NativeEndian>;

/// Symbols read at once: 96 KiB.
const CHUNK: u64 = 4096;

/// The longest name that is read, in bytes.
const MAX_NAME: u64 = 16 << 10;

/// The most names of one function or variable that are compared.
const MAX_ALIASES: usize = 16;

/// Which of an image's two symbol tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `.symtab`: all functions; `strip` removes it.
    Full,
    /// `.dynsym`: what other modules may use; always there.
    Exported,
}

impl Table {
    const fn section_type(self) -> SectionType {
        match self {
            Self::Full => SHT_SYMTAB,
            Self::Exported => SHT_DYNSYM,
        }
    }
}

/// What addresses are looked up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Code.
    Function,
    /// Data that lives as long as its module.
    Variable,
}

impl Sort {
    fn includes(self, of: SymbolType) -> bool {
        match self {
            Self::Function => matches!(of, STT_FUNC | STT_GNU_IFUNC),
            Self::Variable => matches!(of, STT_OBJECT | STT_COMMON),
        }
    }
}

/// A function or variable as a symbol table describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// The linker's name.
    pub name: Vec<u8>,
    /// The virtual addresses of its code or data; empty where the table gives no size.
    pub addresses: Range<u64>,
}

/// A symbol table with the place of its names.
struct Symbols<'image> {
    image: &'image Image,
    offset: u64,
    count: u64,
    names: Section,
}

impl<'image> Symbols<'image> {
    fn of(image: &'image Image, sections: &Sections, table: Table) -> Option<Self> {
        let section = sections.of_type(table.section_type())?;
        let names = *sections.at(section.sh_link.get(ENDIAN))?;
        let count = section.sh_size.get(ENDIAN) / size_of::<Symbol>() as u64;
        Some(Self {
            image,
            offset: section.sh_offset.get(ENDIAN),
            count,
            names,
        })
    }

    /// Shows every symbol that is defined to `see`, until that says false.
    fn each(&self, mut see: impl FnMut(&Symbol) -> bool) {
        let size = size_of::<Symbol>() as u64;
        let mut next = 0;
        while next < self.count {
            let count = CHUNK.min(self.count - next);
            let Some(bytes) = self.image.read(self.offset.saturating_add(next * size), count * size) else {
                return;
            };
            for symbol in slice_from_all_bytes::<Symbol>(&bytes).unwrap_or_default() {
                if symbol.st_shndx.get(ENDIAN) != SHN_UNDEF && !see(symbol) {
                    return;
                }
            }
            next += count;
        }
    }

    fn name(&self, offset: u32) -> Option<Vec<u8>> {
        let table = self.names.sh_offset.get(ENDIAN);
        let left = self
            .names
            .sh_size
            .get(ENDIAN)
            .checked_sub(u64::from(offset))?
            .min(MAX_NAME);
        // Most names are short; a long one is read again in full.
        for length in [left.min(128), left] {
            let mut bytes = self.image.read(table.checked_add(u64::from(offset))?, length)?;
            if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
                bytes.truncate(end);
                return Some(bytes);
            }
        }
        None
    }
}

/// A function or variable that may be the one searched for.
#[derive(Clone, Copy)]
struct Candidate {
    start: u64,
    size: u64,
    bind: SymbolBind,
    name: u32,
}

/// What is known so far about one address.
#[derive(Default)]
struct Search {
    /// All with the highest start seen that may contain the address.
    candidates: Vec<Candidate>,
    /// The highest start of any symbol at or below the address.
    nearest: u64,
}

impl Search {
    fn consider(&mut self, address: u64, candidate: Candidate) {
        if candidate.start > address {
            return;
        }
        self.nearest = self.nearest.max(candidate.start);
        if candidate.size != 0 && address - candidate.start >= candidate.size {
            return;
        }
        match self.candidates.first().map(|best| best.start) {
            Some(best) if best > candidate.start => return,
            Some(best) if best == candidate.start => {}
            _ => self.candidates.clear(),
        }
        if self.candidates.len() < MAX_ALIASES {
            self.candidates.push(candidate);
        }
    }

    /// The best name among those that fit: that of a symbol with a size, exported, without the leading underscores of internal
    /// names; then the shortest, then the first in the alphabet, so that every run gives the same.
    fn best(&self, symbols: &Symbols<'_>) -> Option<Defined> {
        // Without a size a symbol reaches to the next one, and that is before the address.
        let fitting = self
            .candidates
            .iter()
            .filter(|one| one.size != 0 || one.start == self.nearest);
        let named = fitting.filter_map(|one| Some((one, symbols.name(one.name)?)));
        let best = named.filter(|(_, name)| !name.is_empty()).min_by_key(|(one, name)| {
            let underscores = name.iter().take_while(|&&byte| byte == b'_').count();
            // `_Z` and `_R` begin every C++ and Rust name.
            let mangled = name.starts_with(b"_Z") || name.starts_with(b"_R");
            let rank = if one.bind == STB_GLOBAL || one.bind == STB_WEAK {
                0
            } else {
                1
            };
            (
                Reverse(one.size != 0),
                rank,
                if mangled { 0 } else { underscores },
                name.len(),
                name.clone(),
            )
        });
        best.map(|(one, name)| Defined {
            name,
            addresses: one.start..one.start.saturating_add(one.size),
        })
    }
}

/// The functions or variables that `addresses` (virtual addresses of the image, ascending) belong to, in one pass over `table`;
/// one answer for each address, all `None` where the image lacks the table.
pub fn defined_at(image: &Image, table: Table, sort: Sort, addresses: &[u64]) -> Vec<Option<Defined>> {
    let found = image.sections().and_then(|sections| {
        let symbols = Symbols::of(image, &sections, table)?;
        let mut searches: Vec<Search> = addresses.iter().map(|_| Search::default()).collect();
        symbols.each(|symbol| {
            if sort.includes(symbol.st_type()) {
                let candidate = Candidate {
                    start: symbol.st_value.get(ENDIAN),
                    size: symbol.st_size.get(ENDIAN),
                    bind: symbol.st_bind(),
                    name: symbol.st_name.get(ENDIAN),
                };
                let first = addresses.partition_point(|&address| address < candidate.start);
                for (address, search) in addresses.iter().zip(&mut searches).skip(first) {
                    search.consider(*address, candidate);
                }
            }
            true
        });
        Some(searches.iter().map(|search| search.best(&symbols)).collect())
    });
    found.unwrap_or_else(|| addresses.iter().map(|_| None).collect())
}

/// The virtual addresses of the function or object called `name`, without version; `None` where `table` has no such name.
pub fn addresses_of(image: &Image, table: Table, name: &[u8]) -> Option<Range<u64>> {
    const MAX_NAMES: u64 = 256 << 20;
    let sections = image.sections()?;
    let symbols = Symbols::of(image, &sections, table)?;
    let names = image.content(&symbols.names, MAX_NAMES)?;
    let mut found = None;
    symbols.each(|symbol| {
        let rest = names.get(symbol.st_name.get(ENDIAN) as usize..).unwrap_or_default();
        let same = rest
            .strip_prefix(name)
            .is_some_and(|rest| matches!(rest.first(), Some(0 | b'@')));
        if same {
            let start = symbol.st_value.get(ENDIAN);
            found = Some(start..start.saturating_add(symbol.st_size.get(ENDIAN)));
        }
        !same
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(start: u64, size: u64) -> Candidate {
        Candidate {
            start,
            size,
            bind: STB_GLOBAL,
            name: 0,
        }
    }

    fn starts(address: u64, table: &[(u64, u64)]) -> Vec<u64> {
        let mut search = Search::default();
        table
            .iter()
            .for_each(|&(start, size)| search.consider(address, candidate(start, size)));
        let fitting = search
            .candidates
            .iter()
            .filter(|one| one.size != 0 || one.start == search.nearest);
        fitting.map(|one| one.start).collect()
    }

    #[test]
    fn the_nearest_function_that_contains_the_address_is_taken() {
        assert_eq!(starts(15, &[(10, 10), (20, 10), (0, 5)]), [10]);
        assert_eq!(starts(15, &[(0, 100), (10, 10)]), [10], "an inner function is nearer");
        assert_eq!(starts(15, &[(10, 10), (10, 10)]), [10, 10], "aliases are both kept");
        assert_eq!(starts(25, &[(10, 10), (30, 10)]), [0; 0], "a gap belongs to nobody");
    }

    #[test]
    fn a_function_without_size_reaches_to_the_next() {
        assert_eq!(starts(15, &[(10, 0), (20, 10)]), [10]);
        assert_eq!(starts(35, &[(10, 0), (20, 10)]), [0; 0]);
        assert_eq!(starts(25, &[(10, 0), (20, 10)]), [20]);
    }
}
