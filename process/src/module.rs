//! One loaded module: which file it is, where it was loaded, and the file itself.
//!
//! `modules` makes them. Safe in the parent and in a forked child. Only a module's headers and notes are read from memory, and only
//! by guarded reads: another thread may unload it at any time.

use core::ops::Range;
use std::ffi::CString;

use object::elf::{PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE};

use crate::elf_image::{ENDIAN, Image, Segment, build_id_in_notes};
use crate::maps::{Mapping, file_path};
use crate::memory::ProcessMemory;

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
    unwind_index: Option<Range<usize>>,
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

    /// The GNU build id in hex, from memory; `None` where the linker wrote none.
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The address of its `.eh_frame_hdr` in memory; `None` where it has none.
    pub fn unwind_index(&self) -> Option<Range<usize>> {
        self.unwind_index.clone()
    }

    /// Whether the file was deleted or replaced after it was loaded, so that another file may have its path now.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// The file that was loaded; `None` where it can no longer be opened. Another file may have its path now.
    pub fn open(&self, memory: ProcessMemory) -> Option<Image> {
        if !self.path.starts_with(b"/") {
            return Image::loaded(memory, self.first_mapping.clone());
        }
        let image = if self.deleted {
            // The kernel still has the file by its mapping, for those with CAP_CHECKPOINT_RESTORE.
            let Range { start, end } = self.first_mapping;
            Image::open(&CString::new(format!("{}/{start:x}-{end:x}", memory.map_files())).ok()?)?
        } else {
            Image::open(&CString::new([memory.root().as_bytes(), &self.path].concat()).ok()?)?
        };
        // The path may name another file by now, or in another mount namespace: the build id shows that.
        let same = self.build_id.is_none() || self.build_id == image.build_id();
        same.then_some(image)
    }
}

/// The module that the first of `mappings` begins, or how many mappings to pass over because none does.
pub(super) fn begin(mappings: &[Mapping<'_>], memory: ProcessMemory) -> Result<Module, usize> {
    let first = mappings.first().ok_or(1_usize)?;
    let vdso = first.path == b"[vdso]";
    let (path, deleted) = match file_path(first.path) {
        Some(found) => found,
        None if vdso => (first.path.to_vec(), false),
        None => return Err(1),
    };
    // The mappings of one file are together, with anonymous ones between them.
    let together = mappings
        .iter()
        .take_while(|mapping| mapping.path == first.path || mapping.path.is_empty());
    let (mut length, mut runs) = (0, false);
    for mapping in together {
        length += 1;
        runs |= mapping.executable;
    }
    // There may be many data files, large or slow: only the heads of executable ones are read.
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
        unwind_index: None,
    };
    let in_memory = (first.offset == 0)
        .then(|| Image::loaded(memory, first.addresses.clone()))
        .flatten();
    let headers = in_memory
        .or_else(|| module.open(memory))
        .and_then(|image| image.segments());
    // Not an ELF file: code that a just-in-time compiler keeps in a file of its own.
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
    let index = segments
        .iter()
        .find(|segment| segment.p_type.get(ENDIAN) == PT_GNU_EH_FRAME);
    module.unwind_index = index.map(|index| {
        let start = module.base.wrapping_add(address(index.p_vaddr.get(ENDIAN)));
        start..start.saturating_add(address(index.p_memsz.get(ENDIAN)))
    });
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
    use std::process::Command;

    use super::*;
    use crate::modules::Modules;

    #[test]
    fn a_replaced_library_is_not_taken_for_what_has_its_path_now() {
        let folder = std::env::temp_dir().join(format!("forkwatch-replaced-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let library = folder.join("library.so");
        let build = |source: &str, to: &std::path::Path| {
            std::fs::write(folder.join("library.c"), source).unwrap();
            let mut compiler = Command::new("cc");
            compiler
                .args(["-shared", "-fPIC", "-Wl,--build-id", "-o"])
                .arg(to)
                .arg(folder.join("library.c"));
            assert!(compiler.status().unwrap().success());
        };
        build("int old_function(void) { return 1; }", &library);
        let path = CString::new(library.as_os_str().as_encoded_bytes()).unwrap();
        #[expect(unsafe_code, reason = "the loader has no safe door")]
        // SAFETY: the library has no constructor, and the handle is never closed.
        let address = unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            libc::dlsym(handle, c"old_function".as_ptr()).addr()
        };
        assert_ne!(address, 0);

        let modules = Modules::read().unwrap();
        let before = modules.find(address).unwrap();
        assert_eq!(before.path(), library.as_os_str().as_encoded_bytes());
        assert!(!before.is_deleted());
        assert_eq!(
            before.open(modules.memory()).unwrap().build_id().as_deref(),
            before.build_id()
        );

        build("int new_function(void) { return 2; }", &folder.join("new.so"));
        std::fs::rename(folder.join("new.so"), &library).unwrap();
        let modules = Modules::read().unwrap();
        let after = modules.find(address).unwrap();
        assert!(after.is_deleted());
        assert_eq!(
            (after.path(), after.base(), after.build_id()),
            (before.path(), before.base(), before.build_id())
        );
        // Only the privileged may still open it.
        if let Some(image) = after.open(modules.memory()) {
            assert_eq!(image.build_id().as_deref(), before.build_id());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
