//! The files that a process has mapped to run them.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use object::{Object, ObjectSection, ObjectSegment, ReadCache};

use crate::process::{Mapping, Process};

/// Linux maps files in pages of at least this size.
const PAGE: u64 = 4096;

/// One file with code in it.
#[derive(Debug)]
pub struct Module {
    /// Its path, as the process named it.
    pub path: String,
    /// Where we can open it: the process may have another root than we.
    pub file: PathBuf,
    /// Where its code lies.
    pub code: Range<u64>,
    /// Which byte of the file the code begins with.
    offset: u64,
    /// Read when it is first asked for: most files are on no stack.
    image: OnceCell<Option<Image>>,
}

/// What a file says of itself.
#[derive(Debug)]
pub struct Image {
    /// The address that the file's virtual address 0 has in the process.
    pub base: u64,
    /// The GNU build id in hex.
    pub build_id: Option<String>,
    /// The unwinding tables and their virtual addresses: `.eh_frame` and `.eh_frame_hdr`.
    pub tables: [Option<(Range<u64>, Vec<u8>)>; 2],
    /// The machine code, by which prologues are told.
    pub text: Option<(Range<u64>, Vec<u8>)>,
}

/// All files with code.
#[derive(Debug)]
pub struct Modules(Vec<Module>);

impl Modules {
    /// The files of a process.
    pub fn of(process: Process) -> io::Result<Self> {
        let root = process.path("root");
        let mappings = process.mappings()?;
        let modules = mappings.into_iter().filter(|mapping| mapping.is_executable);
        Ok(Self(modules.filter_map(|mapping| Module::of(mapping, &root)).collect()))
    }

    /// The file whose code holds this address.
    pub fn at(&self, address: u64) -> Option<&Module> {
        self.0.iter().find(|module| module.code.contains(&address))
    }
}

impl Module {
    fn of(mapping: Mapping, root: &std::path::Path) -> Option<Self> {
        let path = mapping.path?;
        // Words in brackets are no files.
        let below = path.strip_prefix("/").ok()?;
        Some(Self {
            file: root.join(below),
            path: path.to_string_lossy().into_owned(),
            code: mapping.addresses,
            offset: mapping.offset,
            image: OnceCell::new(),
        })
    }

    /// What the file says of itself; `None` where it cannot be read, or was deleted meanwhile.
    pub fn image(&self) -> Option<&Image> {
        self.image.get_or_init(|| self.read()).as_ref()
    }

    fn read(&self) -> Option<Image> {
        // Only the parts that are asked for are read: programs with debug information can be gigabytes.
        let cache = ReadCache::new(File::open(&self.file).ok()?);
        let elf = object::File::parse(&cache).ok()?;
        let segment = elf.segments().find(|segment| {
            let (start, size) = segment.file_range();
            (start & !(PAGE - 1)..start.saturating_add(size)).contains(&self.offset)
        })?;
        let in_file = segment.file_range().0.wrapping_sub(segment.address());
        let section = |name: &str| {
            let section = elf.section_by_name(name)?;
            let data = section.data().ok()?.to_vec();
            Some((section.address()..section.address() + section.size(), data))
        };
        let build_id = elf.build_id().ok().flatten();
        Some(Image {
            base: self.code.start.wrapping_sub(self.offset).wrapping_add(in_file),
            build_id: build_id.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()),
            tables: [section(".eh_frame"), section(".eh_frame_hdr")],
            text: section(".text"),
        })
    }
}
