//! Source file and line of an address, and the functions that were inlined there, from DWARF.
//!
//! The library only calls this in a parent: reading debug information takes up to a tenth of a second and as much memory as it is
//! long, which must not delay a child. The sections are read, never mapped (see `file`), and freed with the resolver. Split
//! (`.dwo`) information is left to `forkwatch report`.
#![allow(unsafe_code, reason = "gimli asks for a promise about shared bytes")]

use core::ops::Deref;
use std::rc::Rc;

use addr2line::gimli::{CloneStableDeref, Dwarf, EndianReader, NativeEndian, SectionId, StableDeref};

use crate::demangle::{Nesting, demangle};
use crate::elf_image::{ENDIAN, Image, Sections};
use crate::symbol_files::open_with_id;

type Reader = EndianReader<NativeEndian, Bytes>;

/// A section, shared by its readers, so that a context owns its data and borrows nothing.
#[derive(Clone, Debug)]
struct Bytes(Rc<Vec<u8>>);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

// SAFETY: the bytes are on the heap and the vector is never changed again, so moving the `Rc` does not move them.
unsafe impl StableDeref for Bytes {}

// SAFETY: a clone shares the vector, hence the address.
unsafe impl CloneStableDeref for Bytes {}

/// The most bytes of one section; the debug information of a browser is longer, and `forkwatch report` reads that.
const MAX_SECTION: u64 = 128 << 20;

/// The debug information of one module.
pub struct Lines {
    context: addr2line::Context<Reader>,
}

/// One function at an address, and where in its source the address lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function, demangled.
    pub function: Option<String>,
    /// The source file as the compiler was given it.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
}

impl Lines {
    /// The cost of reading what `image` has, as the number of bytes whose reading takes as long.
    pub fn effort(image: &Image) -> u64 {
        /// Decompressing takes this many times as long as reading.
        const UNPACKING: u64 = 10;
        let Some(sections) = image.sections() else { return 0 };
        let debug = sections.starting_with(b".debug_").filter(|(name, _)| !is_unused(name));
        debug
            .map(|(_, section)| match image.packed_size(section) {
                Some(unpacked) => unpacked.saturating_mul(UNPACKING),
                None => section.sh_size.get(ENDIAN),
            })
            .fold(0, u64::saturating_add)
    }

    /// Reads what `image` has; `None` where that is damaged or too long.
    pub fn read(image: &Image) -> Option<Self> {
        let sections = image.sections()?;
        let mut dwarf = Dwarf::load(|id| section(image, &sections, id)).ok()?;
        if let Some(shared) = shared_part(image) {
            let sections = shared.sections()?;
            dwarf.load_sup(|id| section(&shared, &sections, id)).ok()?;
        }
        let context = addr2line::Context::from_dwarf(dwarf).ok()?;
        Some(Self { context })
    }

    /// The functions at the virtual address `address`, innermost first: those inlined, then the one whose code it is.
    /// Empty where the debug information says nothing.
    pub fn at(&self, address: u64, nesting: Nesting) -> Vec<Place> {
        let frames = self.context.find_frames(address).skip_all_loads();
        frames.map_or_else(|_| Vec::new(), |frames| places(frames, nesting))
    }
}

/// The places that debug information has for one address, innermost first, from whatever source it is read.
pub fn places<R: gimli::Reader>(mut frames: addr2line::FrameIter<'_, R>, nesting: Nesting) -> Vec<Place> {
    let mut places = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let name = frame
            .function
            .as_ref()
            .and_then(|function| Some(demangle(function.raw_name().ok()?.as_bytes(), nesting)));
        let location = frame.location.as_ref();
        places.push(Place {
            function: name,
            file: location.and_then(|location| location.file).map(str::to_owned),
            line: location.and_then(|location| location.line).filter(|&line| line > 0),
        });
    }
    places
}

impl core::fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// What `image` has as `id`, empty where it has none; an error where it cannot be read, since half of the sections would
/// give wrong lines.
fn section(image: &Image, sections: &Sections, id: SectionId) -> Result<Reader, ()> {
    let name = id.name().as_bytes();
    let section = if is_unused(name) { None } else { sections.named(name) };
    let bytes = match section {
        Some(section) => image.content(section, MAX_SECTION).ok_or(())?,
        None => Vec::new(),
    };
    Ok(Reader::new(Bytes(Rc::new(bytes)), NativeEndian))
}

/// Variables, macros and types are never asked for, and are half of all debug information.
fn is_unused(section: &[u8]) -> bool {
    let unused = [
        SectionId::DebugLoc,
        SectionId::DebugLocLists,
        SectionId::DebugMacinfo,
        SectionId::DebugMacro,
        SectionId::DebugNames,
        SectionId::DebugTypes,
    ];
    unused.iter().any(|id| id.name().as_bytes() == section)
}

/// The file that `dwz` made of what several debug files have in common, named in `.gnu_debugaltlink`.
fn shared_part(image: &Image) -> Option<Image> {
    let (path, id) = image.shared_link()?;
    // Debian writes an absolute path; Fedora one relative to /usr/lib/debug/.dwz, whose files all lie in that folder.
    if path.starts_with(b"/") {
        return open_with_id(path, &id);
    }
    let name = path.rsplit(|&byte| byte == b'/').next()?;
    open_with_id([b"/usr/lib/debug/.dwz/", name].concat(), &id)
}
