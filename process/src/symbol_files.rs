//! The files that name a module's functions and lines: the module itself, and its separate debug file.
//!
//! Opens files and keeps them open for one finding, in the parent or in a forked child.

use std::ffi::CString;

use object::elf::SHT_SYMTAB;

use crate::debug_files::{self, SYSTEM};
use crate::elf_image::Image;
use crate::memory::ProcessMemory;
use crate::module::Module;
use crate::symbols::{Defined, Sort, Table, defined_at};

/// The files of one module.
#[derive(Debug, Default)]
pub struct SymbolFiles {
    /// What is loaded.
    own: Option<Image>,
    /// The separate debug file, if something is missing in `own` and it is installed.
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
            separate_file(module, own.as_ref(), memory)
        };
        Self { own, separate }
    }

    /// The functions or variables at `addresses` (virtual, ascending), each from the first table that has it.
    pub fn defined(&self, sort: Sort, addresses: &[u64]) -> Vec<Option<Defined>> {
        let mut found: Vec<Option<Defined>> = addresses.iter().map(|_| None).collect();
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
                for (kept, new) in found.iter_mut().zip(defined_at(image, table, sort, addresses)) {
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

/// The separate debug file of `module`, from where gdb would search for it, too; one without the same build id is ignored.
fn separate_file(module: &Module, own: Option<&Image>, memory: ProcessMemory) -> Option<Image> {
    let id = module.build_id()?;
    let mut paths: Vec<Vec<u8>> = debug_files::by_build_id(SYSTEM, id).into_iter().collect();
    let slash = module.path().iter().rposition(|&byte| byte == b'/');
    let folder = slash.and_then(|slash| module.path().get(..slash));
    if let (Some(folder), Some(link)) = (folder, own.and_then(Image::debug_link)) {
        let module_folder = [memory.root().as_bytes(), folder].concat();
        paths.extend(debug_files::by_link(&link, &module_folder, folder, [SYSTEM]));
    }
    paths.into_iter().find_map(|path| open_with_id(path, id))
}

/// The image in the file `path` if its build id is `id`.
pub fn open_with_id(path: Vec<u8>, id: &str) -> Option<Image> {
    let image = Image::open(&CString::new(path).ok()?)?;
    (image.build_id().as_deref() == Some(id)).then_some(image)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::demangle::Nesting;
    use crate::lines::Lines;
    use crate::modules::Modules;
    use crate::resolver::{Naming, Resolver};
    use crate::symbols::addresses_of;

    const PROGRAM: &str = r#"
#include <stdio.h>
#include <unistd.h>
static int inner(int n) { asm volatile("here: nop" ::: "memory"); return n + 1; }
__attribute__((noinline)) static int outer(int n) { return inner(n) * 2; }
int main(void) { extern char here; printf("%p\n", &here); fflush(stdout); return outer(getpid()) + pause(); }
"#;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("forkwatch-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn run(&self, command: &str) {
            let status = Command::new("sh").args(["-ec", command]).current_dir(&self.0).status();
            assert!(status.unwrap().success(), "{command}");
        }

        /// The program, built with `options`.
        fn build(&self, options: &str) -> PathBuf {
            std::fs::write(self.0.join("program.c"), PROGRAM).unwrap();
            self.run(&format!("cc -O2 -Wl,--build-id {options} -o program program.c"));
            self.0.join("program")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    /// Runs `program` and names the inlined place that it prints: functions, innermost first, and the first one's line.
    fn named(program: &Path) -> (Vec<Option<String>>, Option<u32>) {
        let mut child = Running(Command::new(program).stdout(Stdio::piped()).spawn().unwrap());
        let mut said = String::new();
        BufReader::new(child.0.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let address = usize::from_str_radix(said.trim().strip_prefix("0x").unwrap(), 16).unwrap();
        let pid = child.0.id();
        let memory = ProcessMemory::of(pid.try_into().unwrap()).unwrap();
        let text = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
        let mut resolver = Resolver::with_modules(Naming::Full, Modules::from_text(&text, memory));
        let frames = resolver.frames(&[address], true);
        assert_eq!(frames[0].module.as_deref(), program.to_str());
        let line = frames[0].line;
        (frames.into_iter().map(|frame| frame.symbol).collect(), line)
    }

    #[test]
    fn lines_come_from_packed_separate_and_fixed_address_programs_alike() {
        let folder = Folder::new("separate");
        let full = (vec![Some("inner".to_owned()), Some("outer".to_owned())], Some(4));
        let steps = [
            ("-g -no-pie", ""),
            ("-g -pie", ""),
            ("-g -gdwarf-4 -gz=zlib", ""),
            (
                "-g",
                "objcopy --only-keep-debug program program.debug; objcopy -S --add-gnu-debuglink=program.debug program",
            ),
            (
                "-g",
                "mkdir -p .debug; mv program.debug .debug; objcopy --only-keep-debug program .debug/program.debug; objcopy -S --add-gnu-debuglink=.debug/program.debug program",
            ),
        ];
        for (options, then) in steps {
            let program = folder.build(options);
            folder.run(then);
            assert_eq!(named(&program), full, "{options} {then}");
        }
        // The debug file of another build says nothing.
        let program = folder.build("-g -O1");
        folder.run("objcopy -S --add-gnu-debuglink=.debug/program.debug program");
        assert_eq!(named(&program), (vec![None], None));
    }

    #[test]
    fn damaged_files_harm_nobody() {
        let folder = Folder::new("damaged");
        let intact = std::fs::read(folder.build("-g")).unwrap();
        let path = folder.0.join("damaged");
        let c_path = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % bound as u64).unwrap()
        };
        for round in 0..400 {
            let mut bytes = intact.clone();
            // Headers first, then anywhere, and now and then cut short.
            let places = if round % 2 == 0 { 64..1024 } else { 0..bytes.len() };
            for _ in 0..1 + next(20) {
                let place = places.start + next(places.len());
                bytes[place] = u8::try_from(next(256)).unwrap();
            }
            let headers = bytes.len() - 40 * 64;
            for _ in 0..next(4) {
                let place = headers + next(40 * 64);
                bytes[place] = u8::try_from(next(256)).unwrap();
            }
            if round % 5 == 0 {
                bytes.truncate(next(intact.len()));
            }
            std::fs::write(&path, &bytes).unwrap();
            let Some(image) = Image::open(&c_path) else {
                continue;
            };
            drop((image.build_id(), image.debug_link(), image.segments()));
            for table in [Table::Full, Table::Exported] {
                for sort in [Sort::Function, Sort::Variable] {
                    defined_at(&image, table, sort, &[0, 0x1000, 0x1100, 0x1139, u64::MAX]);
                }
                let _ = addresses_of(&image, table, b"main");
            }
            if let Some(lines) = Lines::read(&image) {
                for address in (0x1000..0x1200).step_by(7) {
                    drop(lines.at(address, Nesting::within(1 << 20)));
                }
            }
        }
    }
}
