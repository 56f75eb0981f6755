//! The files that name a module's functions and lines: the module itself, and what a packager took out of it.
//!
//! Only `resolver` calls this, in the parent or in a forked child. It opens files and keeps them open for one finding.

use std::ffi::CString;

use object::elf::SHT_SYMTAB;

use super::elf_image::Image;
use super::memory::ProcessMemory;
use super::module::Module;
use super::symbols::{Function, Table, functions_at};

/// The files of one module.
#[derive(Debug, Default)]
pub struct SymbolFiles {
    /// What is loaded.
    own: Option<Image>,
    /// The separate debug file, where something is missing in `own` and somebody installed it.
    separate: Option<Image>,
}

impl SymbolFiles {
    /// Opens what there is for `module`, which lies in `memory`.
    pub fn open(module: &Module, memory: ProcessMemory) -> Self {
        let own = module.open(memory);
        let complete = own
            .as_ref()
            .and_then(Image::sections)
            .is_some_and(|sections| sections.of_type(SHT_SYMTAB).is_some() && sections.named(b".debug_info").is_some());
        let separate = if complete {
            None
        } else {
            separate_file(module, own.as_ref())
        };
        Self { own, separate }
    }

    /// The functions at `addresses` (virtual, ascending), each from the first table that has it.
    pub fn functions(&self, addresses: &[u64]) -> Vec<Option<Function>> {
        let mut found: Vec<Option<Function>> = addresses.iter().map(|_| None).collect();
        let tables = [
            (&self.own, Table::Full),
            (&self.separate, Table::Full),
            (&self.own, Table::Exported),
        ];
        for (image, table) in tables {
            if found.iter().all(Option::is_some) {
                break;
            }
            if let Some(image) = image {
                for (kept, new) in found.iter_mut().zip(functions_at(image, table, addresses)) {
                    *kept = kept.take().or(new);
                }
            }
        }
        found
    }

    /// The file with debug information; `None` where neither has any.
    pub fn debug_information(&self) -> Option<&Image> {
        [&self.own, &self.separate].into_iter().flatten().find(|image| {
            image
                .sections()
                .is_some_and(|sections| sections.named(b".debug_info").is_some())
        })
    }
}

/// The separate debug file of `module`, where gdb would look for it too; one that does not carry the same build id is not
/// believed.
fn separate_file(module: &Module, own: Option<&Image>) -> Option<Image> {
    let id = module.build_id()?;
    let mut paths = Vec::new();
    if let Some(path) = debug_path(id) {
        paths.push(path);
    }
    let slash = module.path().iter().rposition(|&byte| byte == b'/');
    let folder = slash.and_then(|slash| module.path().get(..slash));
    if let (Some(folder), Some(link)) = (folder, own.and_then(Image::debug_link)) {
        paths.push([folder, b"/", &link].concat());
        paths.push([folder, b"/.debug/", &link].concat());
        paths.push([b"/usr/lib/debug", folder, b"/", &link].concat());
    }
    paths.into_iter().find_map(|path| open_with_id(path, id))
}

/// Where distributions put the debug file of the build id `id` (hex).
fn debug_path(id: &str) -> Option<Vec<u8>> {
    let (folder, rest) = (id.get(..2)?, id.get(2..)?);
    Some(format!("/usr/lib/debug/.build-id/{folder}/{rest}.debug").into_bytes())
}

/// The image in the file `path` if its build id is `id`.
pub fn open_with_id(path: Vec<u8>, id: &str) -> Option<Image> {
    let image = Image::open(&CString::new(path).ok()?)?;
    (image.build_id().as_deref() == Some(id)).then_some(image)
}
