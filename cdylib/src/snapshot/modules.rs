//! The modules of the process: which file an address lies in, and how far from where that file was loaded.
//!
//! Anyone from this layer on may call it, in the parent and in a forked child: it reads `/proc/self/maps` and program
//! headers by guarded reads, since the loader's own list (`dl_iterate_phdr`) sits behind a lock that no child resets.
//! It must not look into a module's memory otherwise: another thread may unload it at any time.

use core::ops::Range;
use std::ffi::CString;

use object::elf::{PT_LOAD, PT_NOTE};

use super::elf_image::{ENDIAN, Image, Segment, build_id_in_notes};
use super::maps::{Mapping, file_path, parse};
use super::memory::ProcessMemory;
use crate::system::file::read_whole;

/// The most bytes of notes that are read of one module.
const MAX_NOTES: u64 = 64 << 10;

/// A loaded ELF file, or the vDSO.
#[derive(Clone, Debug)]
pub struct Module {
    path: Vec<u8>,
    deleted: bool,
    base: usize,
    addresses: Range<usize>,
    first_mapping: Range<usize>,
    build_id: Option<String>,
}

/// Every mapping of a process at one moment, and the modules among them.
#[derive(Debug)]
pub struct Modules {
    memory: ProcessMemory,
    mappings: Vec<Kept>,
    modules: Vec<Module>,
}

/// What of a mapping is asked for later.
#[derive(Debug)]
struct Kept {
    addresses: Range<usize>,
    executable: bool,
    writable: bool,
    shared: bool,
    /// Place in `Modules::modules`.
    module: Option<usize>,
}

impl Module {
    /// The path as the kernel gives it, without ` (deleted)`; `[vdso]` for the kernel's own.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The last part of the path.
    pub fn base_name(&self) -> String {
        let name = self.path.rsplit(|&byte| byte == b'/').next().unwrap_or(&self.path);
        String::from_utf8_lossy(name).into_owned()
    }

    /// The address that the file's virtual address 0 has in the process, so that `address - base` is what the file's own
    /// tables, `addr2line` and `blazesym` call the address. For a program that is not position-independent it is 0.
    pub fn base(&self) -> usize {
        self.base
    }

    /// The addresses from its first mapping to the end of its last segment, holes included.
    pub fn addresses(&self) -> Range<usize> {
        self.addresses.clone()
    }

    /// The GNU build id in hex, as it stands in memory; `None` where the linker wrote none.
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// Whether the file was deleted or replaced after it was loaded, so that another file may have its path now.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// The file that was loaded; `None` where it can no longer be had. Not to be confused with what has its path now.
    pub fn open(&self, memory: ProcessMemory) -> Option<Image> {
        if !self.path.starts_with(b"/") {
            return Image::loaded(memory, self.first_mapping.clone());
        }
        let image = if self.deleted {
            // The kernel still has the file by its mapping, for those with CAP_CHECKPOINT_RESTORE.
            let Range { start, end } = self.first_mapping;
            Image::open(&CString::new(format!("/proc/self/map_files/{start:x}-{end:x}")).ok()?)?
        } else {
            Image::open(&CString::new(self.path.as_slice()).ok()?)?
        };
        // A path may name another file by now, or in another mount namespace: the build id tells.
        let same = self.build_id.is_none() || self.build_id == image.build_id();
        same.then_some(image)
    }
}

impl Modules {
    /// The calling process as it is now; `None` where `/proc` is not there.
    pub fn read() -> Option<Self> {
        Some(Self::from_text(&read_whole(c"/proc/self/maps")?, ProcessMemory::own()))
    }

    /// The process whose `/proc/PID/maps` reads `text` and whose memory is `memory`.
    pub fn from_text(text: &[u8], memory: ProcessMemory) -> Self {
        let mappings: Vec<_> = parse(text).collect();
        let mut modules = Vec::<Module>::new();
        let mut kept = Vec::with_capacity(mappings.len());
        let mut current: Option<(usize, &[u8], Range<usize>)> = None;
        let mut data_until = 0;
        for (place, mapping) in mappings.iter().enumerate() {
            let inside = current.as_ref().filter(|(_, path, extent)| {
                // Without a path: the part of a data segment that the file does not fill.
                extent.contains(&mapping.addresses.start) && (mapping.path == *path || mapping.path.is_empty())
            });
            let mut module = inside.map(|(index, ..)| *index);
            if module.is_none() && place >= data_until {
                let group = mappings.get(place..).unwrap_or_default();
                match begin(group, memory) {
                    Ok(begun) => {
                        current = Some((modules.len(), mapping.path, begun.addresses.clone()));
                        module = Some(modules.len());
                        modules.push(begun);
                    }
                    Err(length) => data_until = place + length,
                }
            }
            kept.push(Kept {
                addresses: mapping.addresses.clone(),
                executable: mapping.executable,
                writable: mapping.writable,
                shared: mapping.shared,
                module,
            });
        }
        Self {
            memory,
            mappings: kept,
            modules,
        }
    }

    /// The memory that these modules lie in.
    pub fn memory(&self) -> ProcessMemory {
        self.memory
    }

    /// All modules, by address.
    pub fn all(&self) -> &[Module] {
        &self.modules
    }

    /// The module that `address` lies in; `None` for anonymous memory (code made at run time, stacks, the heap).
    pub fn find(&self, address: usize) -> Option<&Module> {
        self.modules.get(self.index_of(address)?)
    }

    /// The place in [`Self::all`] of the module that `address` lies in.
    pub fn index_of(&self, address: usize) -> Option<usize> {
        self.mapping(address)?.module
    }

    /// Whether `address` lies in memory that is shared with other processes: a lock there is not copied by a fork.
    pub fn is_shared_mapping(&self, address: usize) -> bool {
        self.mapping(address).is_some_and(|mapping| mapping.shared)
    }

    /// Whether code at `address` may run.
    pub fn is_executable(&self, address: usize) -> bool {
        self.mapping(address).is_some_and(|mapping| mapping.executable)
    }

    /// The mapped parts of the module at `index` of [`Self::all`], with whether each is writable.
    pub fn parts(&self, index: usize) -> impl Iterator<Item = (Range<usize>, bool)> {
        let of_module = self
            .mappings
            .iter()
            .filter(move |mapping| mapping.module == Some(index));
        of_module.map(|mapping| (mapping.addresses.clone(), mapping.writable))
    }

    fn mapping(&self, address: usize) -> Option<&Kept> {
        let after = self
            .mappings
            .partition_point(|mapping| mapping.addresses.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        mapping.addresses.contains(&address).then_some(mapping)
    }
}

/// The module that the first of `mappings` begins, or how many mappings to pass over because none does.
fn begin(mappings: &[Mapping<'_>], memory: ProcessMemory) -> Result<Module, usize> {
    let first = mappings.first().ok_or(1_usize)?;
    let vdso = first.path == b"[vdso]";
    let (path, deleted) = match file_path(first.path) {
        Some(found) => found,
        None if vdso => (first.path.to_vec(), false),
        None => return Err(1),
    };
    // The mappings of one file lie together, with anonymous ones between them.
    let together = mappings
        .iter()
        .take_while(|mapping| mapping.path == first.path || mapping.path.is_empty());
    let (mut length, mut runs) = (0, false);
    for mapping in together {
        length += 1;
        runs |= mapping.executable;
    }
    // Data files are many and may be large or slow: only of what can run do we read the head.
    if !runs {
        return Err(length);
    }
    let mut module = Module {
        path,
        deleted,
        base: first.addresses.start,
        addresses: first.addresses.clone(),
        first_mapping: first.addresses.clone(),
        build_id: None,
    };
    let in_memory = (first.offset == 0)
        .then(|| Image::loaded(memory, first.addresses.clone()))
        .flatten();
    let headers = in_memory
        .or_else(|| module.open(memory))
        .and_then(|image| image.segments());
    // No ELF file: code that a run-time compiler keeps in a file of its own.
    let Some(segments) = headers else {
        return Err(length);
    };
    let Some(load) = segments.iter().find(|segment| holds(segment, first.offset)) else {
        return Err(length);
    };
    module.base = address(load.p_offset.get(ENDIAN))
        .wrapping_sub(address(first.offset))
        .wrapping_add(first.addresses.start)
        .wrapping_sub(address(load.p_vaddr.get(ENDIAN)));
    let ends = segments
        .iter()
        .filter(|segment| segment.p_type.get(ENDIAN) == PT_LOAD)
        .map(|segment| {
            let end = segment.p_vaddr.get(ENDIAN).wrapping_add(segment.p_memsz.get(ENDIAN));
            module.base.wrapping_add(address(end))
        });
    module.addresses.end = ends.max().unwrap_or(0).max(first.addresses.end);
    module.build_id = segments
        .iter()
        .find_map(|segment| build_id(segment, module.base, memory));
    if module.build_id.is_none() && !vdso {
        module.build_id = module.open(memory).and_then(|image| image.build_id());
    }
    Ok(module)
}

/// Whether `segment` is what a mapping from the file's byte `offset` on shows.
fn holds(segment: &Segment, offset: u64) -> bool {
    // 4 KiB is the smallest page there is; with larger ones the first segment of a file still begins below its page.
    const PAGE: u64 = 4096;
    let start = segment.p_offset.get(ENDIAN);
    let end = start.saturating_add(segment.p_filesz.get(ENDIAN));
    segment.p_type.get(ENDIAN) == PT_LOAD && (start & !(PAGE - 1)..end).contains(&offset)
}

fn build_id(segment: &Segment, base: usize, memory: ProcessMemory) -> Option<String> {
    let length = segment.p_filesz.get(ENDIAN);
    if segment.p_type.get(ENDIAN) != PT_NOTE || length > MAX_NOTES {
        return None;
    }
    let notes = memory.bytes(base.wrapping_add(address(segment.p_vaddr.get(ENDIAN))), address(length))?;
    build_id_in_notes(&notes, segment.p_align.get(ENDIAN))
}

/// A number of a 64-bit image as an address of this 64-bit process.
#[expect(clippy::cast_possible_truncation, reason = "only 64-bit images pass Image::new")]
const fn address(value: u64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn marker() -> usize {
        core::hint::black_box(marker as fn() -> usize as usize)
    }

    #[test]
    fn own_modules_are_found_with_base_and_build_id() {
        let modules = Modules::read().unwrap();
        let own = modules.find(marker()).unwrap();
        let exe = std::fs::read_link("/proc/self/exe").unwrap();
        assert_eq!(own.path(), exe.as_os_str().as_encoded_bytes());
        assert_eq!(own.base_name(), exe.file_name().unwrap().to_str().unwrap());
        assert!(modules.is_executable(marker()));

        // SAFETY: the arguments are a function of libc and a value that dladdr fills.
        #[expect(unsafe_code, reason = "the loader's own view is what ours is compared with")]
        let expected = unsafe {
            let mut info = core::mem::zeroed::<libc::Dl_info>();
            assert_ne!(libc::dladdr(libc::getppid as *const libc::c_void, &mut info), 0);
            info.dli_fbase.addr()
        };
        let libc = modules.find(libc::getppid as *const () as usize).unwrap();
        assert_eq!(libc.base(), expected);
        assert!(libc.base_name().starts_with("libc"));
        assert_eq!(libc.build_id().unwrap().len(), 40);
        assert_eq!(
            libc.open(modules.memory()).unwrap().build_id().as_deref(),
            libc.build_id()
        );

        let vdso = modules.all().iter().find(|module| module.path() == b"[vdso]").unwrap();
        assert!(vdso.build_id().is_some());
        assert!(vdso.open(modules.memory()).unwrap().sections().is_some());

        let stack = 0_usize;
        assert!(modules.find((&raw const stack).addr()).is_none());
        assert!(modules.find(16).is_none());
        assert!(!modules.is_shared_mapping(marker()));
    }

    #[test]
    fn a_file_that_is_no_module_is_passed_over() {
        let text = b"\
1000-2000 r--p 00000000 08:01 1 /data/a
2000-3000 r--p 00001000 08:01 1 /data/a
3000-4000 rw-s 00000000 08:01 2 /data/b
4000-5000 r-xp 00000000 08:01 3 /memfd:jit (deleted)
";
        let modules = Modules::from_text(text, ProcessMemory::own());
        assert!(modules.all().is_empty());
        assert!(modules.is_shared_mapping(0x3800));
        assert!(!modules.is_shared_mapping(0x1800));
        assert!(!modules.is_shared_mapping(0x5000));
    }
}
