//! Why the library cannot be loaded into an ELF program, read from the file alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadCache, ReadRef, StringTable};

use crate::run::embedded::EMBEDDED;

#[cfg(target_pointer_width = "64")]
type Native = elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Native = elf::FileHeader32<Endianness>;

/// Bytes of `e_ident` that must agree: class, byte order.
const CLASS_AND_ORDER: std::ops::Range<usize> = 4..6;
/// Where `e_machine` lies, in both classes.
const MACHINE: std::ops::Range<usize> = 18..20;

/// Where the bytes end that tell the architecture.
const HEAD: usize = MACHINE.end;

/// A larger string table is not searched, so that the program starts without delay.
const MAX_STRINGS: u64 = 64 << 20;

/// Why a program cannot be watched, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What the program is: `statically linked`.
    pub what: String,
    /// Why that is an obstacle, and the way out.
    pub way_out: &'static str,
    /// What becomes of it if the library is preloaded all the same.
    pub preloaded: Preloaded,
}

/// What becomes of a program with an obstacle if the library is preloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preloaded {
    /// It runs as without, and so the programs that it starts can be watched.
    Ignores,
    /// It does not run.
    Breaks,
}

impl Obstacle {
    /// Something that ignores the preload.
    pub fn new(what: impl Into<String>, way_out: &'static str) -> Self {
        Self {
            what: what.into(),
            way_out,
            preloaded: Preloaded::Ignores,
        }
    }

    fn that_breaks(what: impl Into<String>, way_out: &'static str) -> Self {
        Self {
            preloaded: Preloaded::Breaks,
            ..Self::new(what, way_out)
        }
    }
}

/// Whether a file's first bytes are those of an ELF file.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(&elf::ELFMAG)
}

/// Whether the file begins like an ELF file but the kernel cannot start it: truncated, or an object file.
pub fn is_broken(head: &[u8], file: &File) -> bool {
    let is_known = |place: usize| matches!(head.get(place), Some(1 | 2));
    let has_header = head.len() >= HEAD && CLASS_AND_ORDER.into_iter().all(is_known);
    // What another architecture's kernel accepts is not known here.
    !has_header || (is_native(head) && !is_startable(&ReadCache::new(file)).unwrap_or(false))
}

/// Whether it is of an executable type and has program headers; an error if it cannot be read that far.
fn is_startable<'data>(data: impl ReadRef<'data>) -> object::Result<bool> {
    let header = Native::parse(data)?;
    let endian = header.endian()?;
    let is_program = matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN);
    Ok(is_program && !header.program_headers(endian, data)?.is_empty())
}

/// Our own library has the only format that this command can preload.
fn is_native(head: &[u8]) -> bool {
    [CLASS_AND_ORDER, MACHINE]
        .into_iter()
        .all(|part| head.get(part.clone()) == EMBEDDED.get(part))
}

/// What the program in this file is, if that is an obstacle; `None` where the file cannot be read.
pub fn what(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; HEAD];
    file.read_exact(&mut head).ok()?;
    let obstacle = obstacle(&head, file).filter(|_| is_elf(&head));
    obstacle.map(|obstacle| obstacle.what)
}

/// Looks for an obstacle. A file that cannot be understood has none: the kernel is the better judge of it.
pub fn obstacle(head: &[u8], file: File) -> Option<Obstacle> {
    if !is_native(head) {
        return Some(Obstacle::that_breaks(
            format!("built for another architecture ({})", machine(head)),
            "use a forkwatch built for that architecture",
        ));
    }
    // Only the required parts are read: programs with debug information can be gigabytes.
    let cache = ReadCache::new(file);
    linked(&cache).ok().flatten()
}

/// The architecture by name, for the common ones.
fn machine(head: &[u8]) -> String {
    let number = head.get(MACHINE).map_or(0, |bytes| match head.get(5) {
        Some(2) => u16::from_be_bytes([bytes[0], bytes[1]]),
        _ => u16::from_le_bytes([bytes[0], bytes[1]]),
    });
    let bits = if head.get(4) == Some(&1) { "32-bit" } else { "64-bit" };
    match number {
        3 => "x86, 32-bit".to_owned(),
        40 => "ARM, 32-bit".to_owned(),
        62 => format!("x86-64, {bits}"),
        183 => "AArch64".to_owned(),
        243 => format!("RISC-V, {bits}"),
        other => format!("ELF machine {other}, {bits}"),
    }
}

fn linked<'data>(data: impl ReadRef<'data>) -> object::Result<Option<Obstacle>> {
    let header = Native::parse(data)?;
    let endian = header.endian()?;
    let mut linker = None;
    for segment in header.program_headers(endian, data)? {
        linker = linker.or(segment.interpreter(endian, data)?);
    }
    let sections = header.sections(endian, data)?;
    let mut needed = Vec::new();
    let mut own_name = None;
    if let Some((entries, strings)) = sections.dynamic(endian, data)? {
        let strings: StringTable<'_, _> = sections.strings(endian, data, strings)?;
        for entry in entries {
            match entry.tag(endian) {
                elf::DT_NEEDED => needed.push(entry.string(endian, strings)?),
                elf::DT_SONAME => own_name = Some(entry.string(endian, strings)?),
                _ => {}
            }
        }
    }
    let Some(linker) = linker else {
        // The dynamic linker itself, run as a command, is its own interpreter and does preload.
        let is_linker = own_name.is_some_and(|name| name.starts_with(b"ld"));
        let is_go = || sections.section_by_name(endian, b".go.buildinfo").is_some();
        return Ok((!is_linker).then(|| {
            if is_go() {
                return Obstacle::new(
                    "a Go program without cgo",
                    "no library can be preloaded into it, and it forks only to start other programs, which is safe",
                );
            }
            Obstacle::new(
                "statically linked",
                "no library can be preloaded into it; link it dynamically (without -static) to watch it, or see with --watch \
                 which of its forked children hang",
            )
        }));
    };
    if contains(linker, b"ld-musl") {
        return Ok(Some(Obstacle::that_breaks(
            "linked with musl",
            "this library needs the GNU C library; build the program for a gnu target to watch it, or see with --watch which \
             of its forked children hang",
        )));
    }
    let sanitized = Obstacle::that_breaks(
        "built with AddressSanitizer",
        "its runtime must be the first library loaded; watch a build without -fsanitize=address, or see with --watch which \
         of its forked children hang",
    );
    if needed
        .iter()
        .any(|name| contains(name, b"libasan") || contains(name, b"clang_rt.asan"))
    {
        return Ok(Some(sanitized));
    }
    // `-static-libasan`, and Clang always, link the runtime into the program: then only a symbol shows it.
    for section in sections
        .iter()
        .filter(|section| section.sh_type(endian) == elf::SHT_STRTAB)
    {
        let is_small = section.sh_size(endian) <= MAX_STRINGS;
        if is_small
            && section
                .data(endian, data)?
                .split(|&byte| byte == 0)
                .any(|name| name == b"__asan_init")
        {
            return Ok(Some(sanitized));
        }
    }
    Ok(None)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
