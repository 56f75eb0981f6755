//! The modules of the process: which file an address is in, and how far from where that file was loaded.
//!
//! Safe in the parent and in a forked child: it reads `/proc/self/maps`, and program headers by guarded reads, since the loader's
//! own list (`dl_iterate_phdr`) is guarded by a lock that no child resets.

use core::ops::Range;

use rustix::process::{Resource, getrlimit};

use crate::file::read_whole;
use crate::loader_list;
use crate::maps::parse;
use crate::memory::ProcessMemory;
use crate::module::{Module, begin};

/// Every mapping of a process at one point in time, and the modules among them.
#[derive(Debug)]
pub struct Modules {
    memory: ProcessMemory,
    mappings: Vec<Kept>,
    modules: Vec<Module>,
    /// Whether the mappings are all that there are.
    whole: bool,
}

/// What of a mapping is asked for later.
#[derive(Debug)]
struct Kept {
    addresses: Range<usize>,
    executable: bool,
    writable: bool,
    shared: bool,
    /// Whether the kernel makes it longer when the main thread needs more stack.
    grows: bool,
    /// Place in `Modules::modules`.
    module: Option<usize>,
}

impl Modules {
    /// The calling process as it is now; where `/proc` cannot be read, from the loader's list. `None` without either.
    pub fn read() -> Option<Self> {
        let own = ProcessMemory::own();
        match read_whole(c"/proc/thread-self/maps") {
            Some(text) => Some(Self::from_text(&text, own)),
            None => Some(Self {
                whole: false,
                ..Self::from_text(&loader_list::as_maps()?, own)
            }),
        }
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
                        current = Some((modules.len(), mapping.path, begun.addresses()));
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
                grows: mapping.path == b"[stack]",
                module,
            });
        }
        Self {
            memory,
            mappings: kept,
            modules,
            whole: true,
        }
    }

    /// The memory that these modules are in.
    pub fn memory(&self) -> ProcessMemory {
        self.memory
    }

    /// All modules, by address.
    pub fn all(&self) -> &[Module] {
        &self.modules
    }

    /// The module that `address` is in; `None` for anonymous memory (code made at run time, stacks, the heap).
    pub fn find(&self, address: usize) -> Option<&Module> {
        self.modules.get(self.index_of(address)?)
    }

    /// The place in [`Self::all`] of the module that `address` is in.
    pub fn index_of(&self, address: usize) -> Option<usize> {
        let index = self.mapping(address)?.module?;
        self.modules.get(index)?.addresses().contains(&address).then_some(index)
    }

    /// Whether `address` is, or may be, in memory that is shared with other processes: a lock there is not copied by a fork.
    pub fn is_shared_mapping(&self, address: usize) -> bool {
        self.mapping(address).map_or(!self.whole, |mapping| mapping.shared)
    }

    /// Whether code at `address` may run.
    pub fn is_executable(&self, address: usize) -> bool {
        self.mapping(address).is_some_and(|mapping| mapping.executable)
    }

    /// Whether the process may write to `address`.
    pub fn is_writable(&self, address: usize) -> bool {
        self.mapping(address).is_some_and(|mapping| mapping.writable)
    }

    /// How many bytes are left on the stack of this process that `pointer` points into; `None` where that is not mapped.
    pub fn stack_left(&self, pointer: usize) -> Option<usize> {
        let mapping = self.mapping(pointer)?;
        if !mapping.grows {
            return Some(pointer - mapping.addresses.start);
        }
        let most = getrlimit(Resource::Stack).current.unwrap_or(u64::MAX);
        Some(
            usize::try_from(most)
                .ok()?
                .saturating_sub(mapping.addresses.end - pointer),
        )
    }

    /// The mapped parts of the module at `index` of [`Self::all`], with whether each is writable. The kernel lists memory that lies just
    /// behind a module's data, such as a heap's, as one with it: that part is left out.
    pub fn parts(&self, index: usize) -> impl Iterator<Item = (Range<usize>, bool)> {
        let end = self.modules.get(index).map_or(0, |module| module.addresses().end);
        let of_module = self
            .mappings
            .iter()
            .filter(move |mapping| mapping.module == Some(index));
        of_module.map(move |mapping| {
            let addresses = &mapping.addresses;
            (addresses.start..addresses.end.min(end), mapping.writable)
        })
    }

    fn mapping(&self, address: usize) -> Option<&Kept> {
        let after = self
            .mappings
            .partition_point(|mapping| mapping.addresses.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        mapping.addresses.contains(&address).then_some(mapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn marker() -> usize {
        core::hint::black_box(marker as fn() -> usize as usize)
    }

    #[test]
    fn memory_behind_a_modules_data_does_not_belong_to_it() {
        let own = Modules::read().unwrap();
        let index = own.index_of(marker()).unwrap();
        let (extent, text) = (own.all()[index].addresses(), read_whole(c"/proc/self/maps").unwrap());
        let text = String::from_utf8(text).unwrap();
        // As if the kernel had merged the last part of this program with a heap.
        let last = own.parts(index).last().unwrap().0;
        let far = extent.end + (1 << 20);
        let line = format!("{:x}-{far:x} rw-p 00000000 00:00 0", last.start);
        let merged: Vec<&str> = text
            .lines()
            .map(|of_map| {
                if of_map.starts_with(&format!("{:x}-", last.start)) {
                    &*line
                } else {
                    of_map
                }
            })
            .collect();
        let modules = Modules::from_text(merged.join("\n").as_bytes(), ProcessMemory::own());
        let index = modules.index_of(marker()).unwrap();
        assert!(modules.mapping(extent.end).is_some(), "the memory behind is mapped");
        assert_eq!(modules.index_of(extent.end), None);
        assert!(modules.parts(index).all(|(part, _)| part.end <= extent.end));
        assert_eq!(modules.parts(index).last().unwrap().0.start, last.start);
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
