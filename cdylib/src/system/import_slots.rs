//! The import slots of the loaded objects: the words through which a program and its libraries call functions of others (the
//! global offset table). The loader fills them, at the start or at a function's first call.

use core::ffi::CStr;
use core::mem::size_of;

use super::loaded_object::{Access, Object};
use super::pages::Pages;
use super::{libc_version, next_definition};

/// One slot.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Where it is.
    pub address: usize,
    /// The address that it holds.
    pub value: usize,
    /// The address of its object's entry for the function.
    symbol: usize,
    /// The address of its object's names.
    strings: usize,
    base: usize,
}

impl Slot {
    /// Where the object that it belongs to is loaded.
    pub const fn object(&self) -> usize {
        self.base
    }

    /// Whether the loader has not filled the slot yet: it leads back into its own object, which asks the loader.
    pub fn is_unbound(&self) -> bool {
        /// More than any object has between its slots and its code.
        const FAR: usize = 1 << 32;
        self.value >= self.base && self.value - self.base < FAR && self.address.abs_diff(self.value) < FAR
    }
}

/// The tables of the objects.
#[derive(Debug)]
pub struct Tables(Pages);

impl Tables {
    /// Whether the slot imports the function of this name.
    pub fn is_called(&mut self, slot: &Slot, name: &CStr) -> bool {
        let offset: Option<u32> = self.0.read(slot.symbol);
        offset.is_some_and(|offset| self.0.stands(name, slot.strings + offset as usize))
    }

    /// The name of the function or variable that the slot imports; empty where it cannot be read.
    pub fn name<'a>(&mut self, slot: &Slot, into: &'a mut Vec<u8>) -> &'a [u8] {
        /// Longer ones, of deeply nested templates, are left out.
        const MAX: usize = 1024;
        into.clear();
        let Some(offset) = self.0.read::<u32>(slot.symbol) else {
            return into;
        };
        let start = slot.strings + offset as usize;
        for at in start..start + MAX {
            match self.0.read::<u8>(at) {
                Some(0) => return into,
                Some(byte) => into.push(byte),
                None => break,
            }
        }
        into.clear();
        into
    }

    /// Whether the symbol is of a function whose arguments are in registers that an entry of ours does not keep (SVE's on aarch64).
    fn takes_other_arguments(&mut self, symbol: usize) -> Option<bool> {
        /// `STO_AARCH64_VARIANT_PCS`.
        const OTHER_CONVENTION: u8 = 0x80;
        if !cfg!(target_arch = "aarch64") {
            return Some(false);
        }
        let other: u8 = self.0.read(symbol + 5)?;
        Some(other & OTHER_CONVENTION != 0)
    }

    /// The slot that this relocation fills; `None` where it fills none, or with a definition of the object's own: most do.
    fn slot(&mut self, object: &Object, relocation: &Relocation) -> Option<Slot> {
        const SYMBOL: usize = 24;
        if !FILLS_SLOT.contains(&(relocation.info & 0xffff_ffff)) {
            return None;
        }
        let symbol = object.symbols + usize::try_from(relocation.info >> 32).ok()? * SYMBOL;
        let section: u16 = self.0.read(symbol + 6)?;
        if section != 0 || self.takes_other_arguments(symbol)? {
            return None;
        }
        let address = object.base + relocation.offset;
        Some(Slot {
            address,
            value: self.0.read(address)?,
            symbol,
            strings: object.strings,
            base: object.base,
        })
    }
}

/// An entry of a relocation table.
#[derive(Clone, Copy)]
#[repr(C)]
struct Relocation {
    offset: usize,
    /// The symbol's number and the type.
    info: u64,
    _addend: usize,
}

/// The types of relocation that fill a slot, by processor: for calls through a stub, for calls without (`-fno-plt`), and for a
/// variable that holds a function (SQLite calls the kernel through a table of such).
#[cfg(target_arch = "x86_64")]
const FILLS_SLOT: [u64; 3] = [7, 6, 1];
#[cfg(target_arch = "aarch64")]
const FILLS_SLOT: [u64; 3] = [1026, 1025, 257];

/// Shows every slot of every object but ours and libc.
pub fn each(access: Access, mut see: impl FnMut(&mut Tables, Slot)) {
    let libc = next_definition::libc();
    // Before glibc 2.34 its functions for the loader had a library of their own.
    let is_split = libc_version::is_before((2, 34));
    let is_libc = |object: &Object| libc.contains(&object.dynamic) || is_split && object.is_called(c"libdl.so.2");
    let mut tables = Tables(Pages::new(access));
    for object in next_definition::others(access).filter(|object| !is_libc(object)) {
        for table in object.relocations() {
            for at in table.step_by(size_of::<Relocation>()) {
                let Some(relocation) = tables.0.read(at) else { break };
                if let Some(slot) = tables.slot(&object, &relocation) {
                    see(&mut tables, slot);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, each};

    /// The test is the program with our own dynamic section, so only the slots of its libraries are seen.
    #[test]
    fn it_finds_the_slot_of_a_library_that_leads_to_libc() {
        let wanted = libc::abort as *const () as usize;
        for access in [Access::Direct, Access::Guarded] {
            let mut found = 0;
            each(access, |tables, slot| {
                let is_called = tables.is_called(&slot, c"abort");
                assert_eq!(is_called, slot.value == wanted || is_called && slot.is_unbound());
                found += usize::from(is_called);
            });
            assert!(found > 0, "{access:?}");
        }
    }
}
