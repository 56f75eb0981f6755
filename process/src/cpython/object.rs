//! Objects in memory.

use super::build::Build;
use super::interpreter::Interpreter;
use super::known::Known;
use super::layout::{Attributes, Keys, Layout};
use super::pages::Pages;
use super::versions;
use crate::memory::ProcessMemory;

/// The most characters of a string that are read.
const MAX_TEXT: usize = 1024;
/// The most entries of a container that are examined.
pub const MAX_ENTRIES: usize = 4096;

const TYPE: usize = 8;
const TYPE_NAME: usize = 24;
pub(super) const TYPE_BASIC_SIZE: usize = 32;
pub(super) const TYPE_FLAGS: usize = 168;
const TYPE_DICT_OFFSET: usize = 288;
const DICT_KEYS: usize = 32;
const DICT_VALUES: usize = 40;
const SIZE: usize = 16;
const LIST_ELEMENTS: usize = 24;

/// How objects are read.
#[derive(Debug)]
pub struct Objects {
    pub(super) interpreter: Interpreter,
    pub(super) layout: Layout,
    pub(super) build: Build,
    pub(super) pages: Pages,
    pub(super) known: Known,
    pub(super) counts_semaphores: bool,
}

impl Objects {
    /// Opens the memory of the process with this interpreter, with nothing read yet; `None` where its version is not known. `pages`
    /// says how much will be read.
    pub fn open(interpreter: &Interpreter, memory: ProcessMemory, pages: fn(ProcessMemory) -> Pages) -> Option<Self> {
        Some(Self {
            interpreter: *interpreter,
            layout: versions::layout_of(interpreter)?,
            build: versions::build_of(interpreter)?,
            pages: pages(memory),
            known: Known::default(),
            counts_semaphores: false,
        })
    }

    /// Includes held locks with a semaphore, for callers without hooks that see them.
    pub fn with_semaphores(self) -> Self {
        Self {
            counts_semaphores: true,
            ..self
        }
    }

    /// Whether this interpreter's locks have a state of their own, which no libc call shows.
    pub fn has_own_locks(&self) -> bool {
        self.layout.own_locks_since.is_some()
    }

    /// The address of the part of an object that lies this far behind its beginning in builds with an interpreter lock.
    pub fn part(&self, object: usize, offset: usize) -> usize {
        object.wrapping_add(offset).wrapping_add(self.build.longer_head)
    }

    /// The pointer that is this part of an object.
    pub(super) fn pointer_in(&self, object: usize, offset: usize) -> Option<usize> {
        self.pages.pointer(self.part(object, offset))
    }

    /// The word that is this part of an object.
    pub(super) fn word_in(&self, object: usize, offset: usize) -> Option<usize> {
        self.pages.word(self.part(object, offset))
    }

    /// The object that a frame refers to by this word; 0 where it refers to none.
    pub fn referred(&self, word: usize) -> usize {
        const NUMBER: usize = 3;
        match self.layout.is_tagged {
            true if word & NUMBER == NUMBER => 0,
            true => word & !NUMBER,
            false => word,
        }
    }

    /// The address of the object's type.
    pub fn type_of(&self, object: usize) -> Option<usize> {
        self.pointer_in(object, TYPE)
    }

    /// The type's name, with its module where it is built in.
    pub fn type_name(&self, of: usize) -> Option<String> {
        self.c_string(self.pointer_in(of, TYPE_NAME)?)
    }

    /// The text here that a NUL ends.
    pub fn c_string(&self, address: usize) -> Option<String> {
        const PIECE: usize = 16;
        let mut name = Vec::new();
        // No piece crosses a page boundary, because the next page may be unmapped.
        let mut piece = PIECE - address % PIECE;
        while name.len() < 128 {
            let mut bytes = [0; PIECE];
            let bytes = bytes.get_mut(..piece)?;
            if !self.pages.read(address.checked_add(name.len())?, bytes) {
                return None;
            }
            let end = bytes.iter().position(|&byte| byte == 0);
            name.extend_from_slice(bytes.get(..end.unwrap_or(piece))?);
            if end.is_some() {
                return String::from_utf8(name).ok();
            }
            piece = PIECE;
        }
        None
    }

    /// The text of a `str`.
    pub fn text(&self, object: usize) -> Option<String> {
        if self.type_of(object)? != self.interpreter.types.text {
            return None;
        }
        let length = self.word_in(object, SIZE)?.min(MAX_TEXT);
        let (place, lowest) = self.build.form;
        let form = self.pages.byte(object + place)? >> lowest;
        let (kind, is_compact, is_ascii) = (usize::from(form & 7), form & 8 != 0, form & 0x10 != 0);
        if !is_compact || !matches!(kind, 1 | 2 | 4) {
            return None;
        }
        let data = object
            + if is_ascii {
                self.layout.ascii
            } else {
                self.layout.compact
            };
        let mut bytes = vec![0; length * kind];
        if !self.pages.read(data, &mut bytes) {
            return None;
        }
        if is_ascii {
            return String::from_utf8(bytes).ok();
        }
        let character = |bytes: &[u8]| {
            let number = bytes
                .iter()
                .rev()
                .fold(0, |number, &byte| number << 8 | u32::from(byte));
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        Some(bytes.chunks(kind).map(character).collect())
    }

    /// The content of a `bytes`, unless it is longer than this.
    pub(super) fn bytes(&self, object: usize, longest: usize) -> Option<Vec<u8>> {
        const CONTENT: usize = 32;
        let length = self.word_in(object, SIZE)?;
        if length > longest {
            return None;
        }
        let mut bytes = vec![0; length];
        self.pages.read(self.part(object, CONTENT), &mut bytes).then_some(bytes)
    }

    /// The value of an `int` that is at least one and not longer than an address.
    pub fn small_number(&self, object: usize) -> Option<usize> {
        const DIGITS: usize = 24;
        const BITS: u32 = 30;
        // The number of digits, shifted by flags from 3.12 on.
        let digits = match (self.interpreter.minor, self.word_in(object, SIZE)?) {
            (12.., tag) => tag >> 3,
            (_, size) => size,
        };
        let digit = |index: usize| {
            let digit = u32::try_from(self.pages.int(self.part(object, DIGITS + index * 4))?).ok()?;
            Some((digit as usize) << (BITS * u32::try_from(index).ok()?))
        };
        match digits {
            1 => digit(0),
            2 => Some(digit(0)? | digit(1)?),
            _ => None,
        }
    }

    /// The elements of a tuple, list or `deque`, the first `limit` of them; none of anything else.
    pub fn elements(&self, object: usize, limit: usize) -> Vec<usize> {
        let types = &self.interpreter.types;
        let start = match self.type_of(object) {
            Some(of) if of == types.tuple => Some(object + self.layout.elements),
            Some(of) if of == types.list => self.pointer_in(object, LIST_ELEMENTS),
            Some(of) if self.is_deque(of) => return self.elements_of_deque(object, limit),
            _ => None,
        };
        let Some(start) = start else {
            return Vec::new();
        };
        let length = self.word_in(object, SIZE).unwrap_or(0);
        let words = (0..length.min(limit)).map_while(|index| self.pages.word(start + index * 8));
        words.collect()
    }

    /// Whether this is the type of deques, which no symbol names.
    fn is_deque(&self, of: usize) -> bool {
        /// Its structure is larger than most; since 3.12 it has room for blocks that are not in use.
        const BASIC_SIZE: core::ops::Range<usize> = 80..256;
        self.word_in(of, TYPE_BASIC_SIZE)
            .is_some_and(|size| BASIC_SIZE.contains(&size))
            && self.type_name(of).as_deref() == Some("collections.deque")
    }

    /// Blocks of 64 elements, each with a link to the next behind them.
    fn elements_of_deque(&self, deque: usize, limit: usize) -> Vec<usize> {
        const FIRST_BLOCK: usize = 24;
        const FIRST_INDEX: usize = 40;
        const BLOCK: usize = 64;
        let mut elements = Vec::new();
        let mut read = || {
            let length = self.word_in(deque, SIZE)?.min(limit);
            let mut block = self.pointer_in(deque, FIRST_BLOCK)?;
            let mut index = self.word_in(deque, FIRST_INDEX)?;
            while elements.len() < length {
                if index >= BLOCK {
                    block = self.pages.pointer(block + 8 + BLOCK * 8)?;
                    index = 0;
                }
                elements.push(self.pages.pointer(block + 8 + index * 8)?);
                index += 1;
            }
            Some(())
        };
        // What has been read until something is not as it should be.
        let _all_of_it = read();
        elements
    }

    /// The members of a set, of the first [`MAX_ENTRIES`] places of its table; none of anything else.
    pub fn members(&self, set: usize) -> Vec<usize> {
        /// The number of places less one, and the places: a member and its hash.
        const MASK: usize = 32;
        const TABLE: usize = 40;
        const PLACE: usize = 16;
        let table = || {
            let is_set = self.type_name(self.type_of(set)?)? == "set";
            let last = self.word_in(set, MASK).filter(|_| is_set)?;
            Some((self.pointer_in(set, TABLE)?, last.min(MAX_ENTRIES)))
        };
        let Some((table, last)) = table() else {
            return Vec::new();
        };
        let place = |number: usize| self.pages.pointer(table.checked_add(number * PLACE)?);
        (0..=last).filter_map(place).collect()
    }

    /// The keys and values of a dictionary, the first `limit` ones; none of anything else.
    pub fn entries(&self, dict: usize, limit: usize) -> Vec<(usize, usize)> {
        if self.type_of(dict) != Some(self.interpreter.types.dict) {
            return Vec::new();
        }
        let Some(keys) = self.pointer_in(dict, DICT_KEYS) else {
            return Vec::new();
        };
        match self.word_in(dict, DICT_VALUES) {
            Some(0) => self.entries_of(keys, None, limit),
            Some(_) => self.pointer_in(dict, DICT_VALUES).map_or_else(Vec::new, |values| {
                self.entries_of(keys, Some(values + self.head_of_values()), limit)
            }),
            None => Vec::new(),
        }
    }

    /// The names and values of an instance's attributes, without those of its class.
    pub fn attributes(&self, object: usize) -> Vec<(usize, usize)> {
        const HAS_VALUES_INLINE: usize = 1 << 2;
        const HAS_DICT_BEFORE: usize = 1 << 4;
        let found = || {
            let of = self.type_of(object)?;
            let flags = self.word_in(of, TYPE_FLAGS)?;
            if self.layout.attributes == Attributes::Dictionary || flags & HAS_DICT_BEFORE == 0 {
                let offset = self.word_in(of, TYPE_DICT_OFFSET)?;
                // Negative ones belong to objects of varying size.
                let dict = (16..1 << 16)
                    .contains(&offset)
                    .then(|| self.pages.pointer(object + offset))??;
                return Some(self.entries(dict, MAX_ENTRIES));
            }
            let shared = |values| {
                let keys = self.pages.pointer(of + self.layout.shared_keys?)?;
                Some(self.entries_of(keys, Some(values), MAX_ENTRIES))
            };
            let before = self.pages.word(object.checked_sub(self.build.dict_before)?)?;
            match self.layout.attributes {
                Attributes::TwoPointers if before == 0 => shared(self.pages.pointer(object - 32)?),
                Attributes::OnePointer if before & 1 == 1 => shared(before.checked_add(1)?),
                Attributes::Inline if before == 0 && flags & HAS_VALUES_INLINE != 0 => {
                    let values = object + self.pointer_in(of, TYPE_BASIC_SIZE)?;
                    let valid = self.pages.byte(values + 3)? != 0;
                    valid.then(|| shared(values + self.head_of_values()))?
                }
                _ if before == 0 => None,
                _ => Some(self.entries(before, MAX_ENTRIES)),
            }
        };
        found().unwrap_or_default()
    }

    /// The value under this key; identical or equal strings are the same.
    pub fn value(&self, entries: &[(usize, usize)], name: &str) -> Option<usize> {
        let named = |&&(key, _): &&(usize, usize)| self.text(key).as_deref() == Some(name);
        entries.iter().find(named).map(|&(_, value)| value)
    }

    /// From 3.13 on, the number of an instance's values is stored before them.
    fn head_of_values(&self) -> usize {
        if self.layout.attributes == Attributes::Inline {
            8
        } else {
            0
        }
    }

    /// The entries of a table of keys; `values` is where they are, if not next to the keys.
    fn entries_of(&self, keys: usize, values: Option<usize>, limit: usize) -> Vec<(usize, usize)> {
        let place = || match self.layout.keys {
            Keys::Old => {
                let slots = self.pages.word(keys + 8)?;
                let width = match slots {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => return None,
                };
                Some((self.pages.word(keys + 32)?, keys + 40 + slots * width, 24, 8))
            }
            Keys::New => {
                let (bytes, kind) = (self.pages.byte(keys + 9)?, self.pages.byte(keys + 10)?);
                let start = keys
                    + 32
                    + 1_usize
                        .checked_shl(u32::from(bytes))
                        .filter(|bytes| *bytes <= 1 << 40)?;
                let (step, key) = if kind == 0 { (24, 8) } else { (16, 0) };
                Some((self.pages.word(keys + 24)?, start, step, key))
            }
        };
        let Some((count, start, step, key)) = place() else {
            return Vec::new();
        };
        let entry = |index: usize| {
            let name = self.pages.word(start + index * step + key)?;
            let value = match values {
                Some(values) => self.pages.word(values + index * 8)?,
                None => self.pages.word(start + index * step + key + 8)?,
            };
            Some((name, value))
        };
        let entries = (0..count.min(limit)).map_while(entry);
        entries.filter(|&(name, value)| name != 0 && value != 0).collect()
    }
}
