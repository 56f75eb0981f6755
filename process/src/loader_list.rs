//! The loader's own list of modules, for a process that cannot read `/proc`: its root has changed, or no descriptor is left.
//!
//! The list is walked by guarded reads, without the loader's lock, which no child resets: if another thread changes it meanwhile,
//! the walk ends, or leaves a module out.

use std::fmt::Write as _;

use object::elf::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_LOAD, ProgramFlags};

use crate::elf_image::{ENDIAN, Image, Segment};
use crate::memory::ProcessMemory;
use crate::startup;

const PAGE: u64 = 4096;
/// The most modules that are listed.
const MAX: usize = 4096;
/// The longest path of a module.
const MAX_PATH: usize = 4096;

/// The modules' segments in the form of `/proc/PID/maps`, by address; `None` where there is no list.
pub fn as_maps() -> Option<Vec<u8>> {
    let memory = ProcessMemory::own();
    // The program's own headers are at the start of its first page.
    let start = startup::auxiliary(libc::AT_PHDR)? & !number(PAGE - 1);
    let segments = segments(memory, start)?;
    let first = segments.iter().find(|segment| is(segment, PT_LOAD))?;
    let bias = start.wrapping_sub(number(first.p_vaddr.get(ENDIAN) & !(PAGE - 1)));
    let mut lines = Vec::new();
    add(&mut lines, bias, &segments, &program());
    let dynamic = segments.iter().find(|segment| is(segment, PT_DYNAMIC))?;
    let mut module = first_of_list(memory, bias.wrapping_add(number(dynamic.p_vaddr.get(ENDIAN))))?;
    for _ in 0..MAX {
        // `struct link_map`: the bias, the name, the dynamic section, the next one.
        let [bias, name, _, next] = words(memory, module)?;
        let name = path_at(memory, name);
        if bias != 0
            && name.starts_with(b"/")
            && let Some(segments) = self::segments(memory, bias)
        {
            add(&mut lines, bias, &segments, &name);
        }
        if next == 0 {
            break;
        }
        module = next;
    }
    lines.sort();
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    Some(lines.join(&b'\n'))
}

/// The list that a program's dynamic section leads to by `DT_DEBUG`.
fn first_of_list(memory: ProcessMemory, mut dynamic: usize) -> Option<usize> {
    const DEBUG: usize = 21;
    const MAX_ENTRIES: usize = 256;
    for _ in 0..MAX_ENTRIES {
        match words(memory, dynamic)? {
            [0, _] => return None,
            // `struct r_debug`: the version, then the list.
            [DEBUG, debug] => return memory.word(debug.wrapping_add(size_of::<usize>())),
            _ => dynamic = dynamic.wrapping_add(2 * size_of::<usize>()),
        }
    }
    None
}

fn add(lines: &mut Vec<(usize, Vec<u8>)>, bias: usize, segments: &[Segment], path: &[u8]) {
    for segment in segments.iter().filter(|segment| is(segment, PT_LOAD)) {
        let from = segment.p_vaddr.get(ENDIAN);
        let to = from
            .saturating_add(segment.p_memsz.get(ENDIAN))
            .saturating_add(PAGE - 1)
            & !(PAGE - 1);
        let start = bias.wrapping_add(number(from & !(PAGE - 1)));
        let flags = segment.p_flags.get(ENDIAN).0;
        let may = |flag: ProgramFlags, letter| if flags & flag.0 == 0 { '-' } else { letter };
        let mut line = String::new();
        let _a_string_takes_all = write!(
            line,
            "{start:x}-{:x} {}{}{}p {:x} 00:00 0 ",
            bias.wrapping_add(number(to)),
            may(PF_R, 'r'),
            may(PF_W, 'w'),
            may(PF_X, 'x'),
            segment.p_offset.get(ENDIAN) & !(PAGE - 1),
        );
        let mut line = line.into_bytes();
        line.extend(path);
        lines.push((start, line));
    }
}

/// The program's own path. If its directory is not known, the name is placed in the root.
fn program() -> Vec<u8> {
    let path = startup::program_path();
    if path.starts_with(b"/") {
        return path;
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    [b"/", name].concat()
}

fn path_at(memory: ProcessMemory, address: usize) -> Vec<u8> {
    let mut path = vec![0; MAX_PATH];
    let read = memory.read_some(address, &mut path);
    path.truncate(read);
    let end = path.iter().position(|&byte| byte == 0);
    path.truncate(end.unwrap_or_default());
    path
}

fn segments(memory: ProcessMemory, start: usize) -> Option<Vec<Segment>> {
    Image::loaded(memory, start..start.checked_add(number(PAGE))?)?.segments()
}

fn words<const N: usize>(memory: ProcessMemory, address: usize) -> Option<[usize; N]> {
    let mut bytes = [[0_u8; size_of::<usize>()]; N];
    memory
        .read(address, bytes.as_flattened_mut())
        .then(|| bytes.map(usize::from_ne_bytes))
}

fn is(segment: &Segment, kind: object::elf::ProgramType) -> bool {
    segment.p_type.get(ENDIAN) == kind
}

/// A number of a 64-bit image as an address of this 64-bit process.
#[expect(clippy::cast_possible_truncation, reason = "only 64-bit images pass Image::loaded")]
const fn number(value: u64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::as_maps;
    use crate::memory::ProcessMemory;
    use crate::modules::Modules;

    #[test]
    fn the_loaders_list_knows_the_same_modules() {
        let listed = Modules::from_text(&as_maps().unwrap(), ProcessMemory::own());
        let mapped = Modules::read().unwrap();
        let of_libc = libc::getppid as *const () as usize;
        let of_program = as_maps as *const () as usize;
        for address in [of_libc, of_program] {
            let (listed, mapped) = (listed.find(address).unwrap(), mapped.find(address).unwrap());
            assert_eq!(listed.base(), mapped.base());
            assert_eq!(listed.build_id(), mapped.build_id());
            assert_eq!(listed.base_name(), mapped.base_name());
        }
    }
}
