//! An ELF image, in a file or in memory: its headers, sections and notes.
//!
//! Safe in the parent and in a forked child. Bytes are copied into our own memory before they are examined, so neither a
//! truncated file nor a module unloaded meanwhile does harm; no number in an image is trusted. Section headers may be missing:
//! `strip` and `sstrip` remove them.

use core::ffi::CStr;
use core::fmt::Write;
use core::ops::Range;

use object::NativeEndian;
use object::elf::{
    CompressionHeader64, ELF_NOTE_GNU, ELFCOMPRESS_ZLIB, FileHeader64, NT_GNU_BUILD_ID, PT_NOTE, ProgramHeader64,
    SHF_COMPRESSED, SHT_NOBITS, SHT_NOTE, SectionHeader64,
};
use object::pod::{from_bytes, slice_from_all_bytes};
use object::read::elf::{FileHeader, NoteIterator};

use crate::file::RegularFile;
use crate::memory::ProcessMemory;

/// The byte order of every image that this process can have loaded.
pub const ENDIAN: NativeEndian = NativeEndian;

/// The first header of an image.
pub type Header = FileHeader64<NativeEndian>;
/// A program header: a part that is loaded, or where something is once loaded.
pub type Segment = ProgramHeader64<NativeEndian>;
/// A section header.
pub type Section = SectionHeader64<NativeEndian>;

/// The most bytes of one table that we read; no linker makes a longer one.
const MAX_TABLE: u64 = 16 << 20;

/// Where an image's bytes come from.
#[derive(Debug)]
enum Source {
    File(RegularFile),
    Memory {
        memory: ProcessMemory,
        addresses: Range<usize>,
    },
}

/// An ELF image of this machine's class.
#[derive(Debug)]
pub struct Image {
    source: Source,
    header: Header,
}

/// All section headers of an image, with their names.
#[derive(Debug)]
pub struct Sections {
    headers: Vec<Section>,
    names: Vec<u8>,
}

impl Image {
    /// The image in the file `path`; `None` where that is no regular file or no 64-bit ELF image.
    pub fn open(path: &CStr) -> Option<Self> {
        Self::new(Source::File(RegularFile::open(path)?))
    }

    /// The image whose first byte is mapped at `addresses.start`. Only what is mapped there byte for byte as in its file
    /// can be asked for: of a library the headers, of the vDSO all.
    pub fn loaded(memory: ProcessMemory, addresses: Range<usize>) -> Option<Self> {
        Self::new(Source::Memory { memory, addresses })
    }

    fn new(source: Source) -> Option<Self> {
        let bytes = source.read(0, size_of::<Header>() as u64)?;
        let header = *from_bytes::<Header>(&bytes).ok()?.0;
        let native = header.is_supported()
            && header.is_class_64()
            && header.is_little_endian() == cfg!(target_endian = "little");
        native.then_some(Self { source, header })
    }

    /// The bytes at `offset` of the image; `None` where it has fewer.
    pub fn read(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        self.source.read(offset, length)
    }

    /// The program headers.
    pub fn segments(&self) -> Option<Vec<Segment>> {
        self.table(
            self.header.e_phoff.get(ENDIAN),
            u64::from(self.header.e_phnum.get(ENDIAN)),
        )
    }

    /// The section headers; `None` where they were stripped.
    pub fn sections(&self) -> Option<Sections> {
        let place = self.header.e_shoff.get(ENDIAN);
        let mut count = u64::from(self.header.e_shnum.get(ENDIAN));
        if place == 0 {
            return None;
        }
        if count == 0 {
            // With more than 65,279 sections, the first one has the count.
            count = self.table::<Section>(place, 1)?.first()?.sh_size.get(ENDIAN);
        }
        let headers = self.table::<Section>(place, count)?;
        let mut names_index = u32::from(self.header.e_shstrndx.get(ENDIAN).0);
        if names_index == u32::from(object::elf::SHN_XINDEX.0) {
            names_index = headers.first()?.sh_link.get(ENDIAN);
        }
        let names = self.content(headers.get(names_index as usize)?, MAX_TABLE)?;
        Some(Sections { headers, names })
    }

    fn table<T: object::Pod>(&self, offset: u64, count: u64) -> Option<Vec<T>> {
        let length = count
            .checked_mul(size_of::<T>() as u64)
            .filter(|&length| length <= MAX_TABLE)?;
        let bytes = self.read(offset, length)?;
        Some(slice_from_all_bytes::<T>(&bytes).ok()?.to_vec())
    }

    /// The content of `section`, decompressed; `None` where it is longer than `limit` bytes, damaged, or compressed by a method
    /// other than zlib.
    pub fn content(&self, section: &Section, limit: u64) -> Option<Vec<u8>> {
        let length = section.sh_size.get(ENDIAN);
        if section.sh_type.get(ENDIAN) == SHT_NOBITS || length > limit {
            return None;
        }
        let bytes = self.read(section.sh_offset.get(ENDIAN), length)?;
        if section.sh_flags.get(ENDIAN).0 & SHF_COMPRESSED.0 == 0 {
            return Some(bytes);
        }
        let (header, packed) = from_bytes::<CompressionHeader64<NativeEndian>>(&bytes).ok()?;
        let unpacked = header.ch_size.get(ENDIAN);
        if header.ch_type.get(ENDIAN) != ELFCOMPRESS_ZLIB || unpacked > limit {
            return None;
        }
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, usize::try_from(unpacked).ok()?).ok()
    }

    /// The size of `section` when decompressed; `None` where it is not compressed.
    pub fn packed_size(&self, section: &Section) -> Option<u64> {
        if section.sh_flags.get(ENDIAN).0 & SHF_COMPRESSED.0 == 0 {
            return None;
        }
        let size = size_of::<CompressionHeader64<NativeEndian>>() as u64;
        let bytes = self.read(section.sh_offset.get(ENDIAN), size)?;
        let (header, _) = from_bytes::<CompressionHeader64<NativeEndian>>(&bytes).ok()?;
        Some(header.ch_size.get(ENDIAN))
    }

    /// The GNU build id in hex, from the notes of the file.
    pub fn build_id(&self) -> Option<String> {
        // Sections first: a separate debug file keeps the program headers of its library, which point nowhere in it.
        if let Some(sections) = self.sections() {
            let notes = sections
                .headers
                .iter()
                .filter(|section| section.sh_type.get(ENDIAN) == SHT_NOTE);
            for section in notes {
                let bytes = self.content(section, MAX_TABLE)?;
                if let Some(id) = build_id_in_notes(&bytes, section.sh_addralign.get(ENDIAN)) {
                    return Some(id);
                }
            }
            return None;
        }
        let segments = self.segments()?;
        segments
            .iter()
            .filter(|segment| segment.p_type.get(ENDIAN) == PT_NOTE)
            .find_map(|segment| {
                let length = segment.p_filesz.get(ENDIAN);
                let bytes = self.read(segment.p_offset.get(ENDIAN), length.min(MAX_TABLE))?;
                build_id_in_notes(&bytes, segment.p_align.get(ENDIAN))
            })
    }

    /// The content of `.gnu_debugaltlink`: the path and the build id of the file that `dwz` made for what several debug files share.
    pub fn shared_link(&self) -> Option<(Vec<u8>, String)> {
        const MAX_LINK: u64 = 8 << 10;
        let sections = self.sections()?;
        let link = self.content(sections.named(b".gnu_debugaltlink")?, MAX_LINK)?;
        let end = link.iter().position(|&byte| byte == 0)?;
        Some((link.get(..end)?.to_vec(), hexadecimal(link.get(end + 1..)?)))
    }

    /// Whether it has debug information, which names source files and lines.
    pub fn has_debug_information(&self) -> bool {
        // The second name is that of an older way to compress it.
        let names = [&b".debug_info"[..], b".zdebug_info"];
        self.sections().is_some_and(|sections| {
            let mut found = names.iter().filter_map(|name| sections.named(name));
            found.any(|section| section.sh_type.get(ENDIAN) != SHT_NOBITS && section.sh_size.get(ENDIAN) > 0)
        })
    }

    /// The file name in `.gnu_debuglink`: the separate debug file as the packager called it.
    pub fn debug_link(&self) -> Option<Vec<u8>> {
        let sections = self.sections()?;
        let content = self.content(sections.named(b".gnu_debuglink")?, MAX_TABLE)?;
        let name = content.split(|&byte| byte == 0).next()?;
        (!name.is_empty() && !name.contains(&b'/')).then(|| name.to_vec())
    }
}

impl Source {
    fn read(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        match self {
            Self::File(file) => file.read_range(offset, length),
            Self::Memory { memory, addresses } => {
                let start = addresses.start.checked_add(usize::try_from(offset).ok()?)?;
                let length = usize::try_from(length).ok()?;
                let inside = start.checked_add(length)? <= addresses.end;
                if inside { memory.bytes(start, length) } else { None }
            }
        }
    }
}

impl Sections {
    /// The section called `name`.
    pub fn named(&self, name: &[u8]) -> Option<&Section> {
        self.headers.iter().find(|section| self.name(section) == Some(name))
    }

    /// The sections whose names begin so, with their names.
    pub fn starting_with<'a>(&'a self, start: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a Section)> {
        let named = self
            .headers
            .iter()
            .filter_map(|section| Some((self.name(section)?, section)));
        named.filter(move |(name, _)| name.starts_with(start))
    }

    /// The first section of type `kind`.
    pub fn of_type(&self, kind: object::elf::SectionType) -> Option<&Section> {
        self.headers.iter().find(|section| section.sh_type.get(ENDIAN) == kind)
    }

    /// The section at `index`.
    pub fn at(&self, index: u32) -> Option<&Section> {
        self.headers.get(index as usize)
    }

    fn name(&self, section: &Section) -> Option<&[u8]> {
        self.names
            .get(section.sh_name.get(ENDIAN) as usize..)?
            .split(|&byte| byte == 0)
            .next()
    }
}

/// The GNU build id in hex among the ELF notes `notes`, which are aligned to `align` bytes.
pub fn build_id_in_notes(notes: &[u8], align: u64) -> Option<String> {
    let mut notes = NoteIterator::<Header>::new(ENDIAN, align, notes).ok()?;
    while let Ok(Some(note)) = notes.next() {
        if note.name() == ELF_NOTE_GNU && note.n_type(ENDIAN) == NT_GNU_BUILD_ID && !note.desc().is_empty() {
            return Some(hexadecimal(note.desc()));
        }
    }
    None
}

/// `bytes` as build ids are written.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
