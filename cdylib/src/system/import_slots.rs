//! The import slots of the loaded objects: the words through which a program and its libraries call functions of others (the
//! global offset table). The loader fills them, at the start or at a function's first call.

use core::ffi::CStr;
use core::mem::size_of;

use super::loaded_object::{Access, Object};
use super::next_definition;

/// One slot.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Where it is.
    pub address: usize,
    /// The address that it holds.
    pub value: usize,
    access: Access,
    /// The address of its object's entry for the function.
    symbol: usize,
    /// The address of its object's names.
    strings: usize,
    base: usize,
}

impl Slot {
    /// Whether it imports the function of this name.
    pub fn is_called(&self, name: &CStr) -> bool {
        let offset: Option<u32> = self.access.read(self.symbol);
        offset.is_some_and(|offset| self.access.stands(name, self.strings + offset as usize))
    }

    /// Whether the loader has not filled it yet: it leads back into its own object, which asks the loader.
    pub fn is_unbound(&self) -> bool {
        /// More than any object has between its slots and its code.
        const FAR: usize = 1 << 32;
        self.value >= self.base && self.value - self.base < FAR && self.address.abs_diff(self.value) < FAR && {
            // A definition of the object's own also lies there, and then its entry has a section.
            let section: Option<u16> = self.access.read(self.symbol + 6);
            section == Some(0)
        }
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
pub fn each(access: Access, mut see: impl FnMut(Slot)) {
    for object in next_definition::others(access).filter(|object| !object.is_libc()) {
        for_object(access, &object, &mut see);
    }
}

fn for_object(access: Access, object: &Object, see: &mut impl FnMut(Slot)) {
    const SYMBOL: usize = 24;
    for table in object.relocations() {
        let mut at = table.start;
        while at < table.end {
            let Some(entry) = access.read::<Relocation>(at) else {
                break;
            };
            at += size_of::<Relocation>();
            if !FILLS_SLOT.contains(&(entry.info & 0xffff_ffff)) {
                continue;
            }
            let address = object.base + entry.offset;
            if let (Some(value), Ok(number)) = (access.read(address), usize::try_from(entry.info >> 32)) {
                see(Slot {
                    address,
                    value,
                    access,
                    symbol: object.symbols + number * SYMBOL,
                    strings: object.strings,
                    base: object.base,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, each};

    #[test]
    fn it_finds_a_slot_of_this_program_that_leads_to_libc() {
        let wanted = libc::getppid as *const () as usize;
        let mut found = 0;
        each(Access::Direct, |slot| {
            if slot.value == wanted {
                assert!(slot.is_called(c"getppid") && !slot.is_called(c"getpid"));
                found += 1;
            }
        });
        assert!(found > 0);
    }
}
