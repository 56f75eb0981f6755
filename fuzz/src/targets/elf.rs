//! A file that a process has mapped, or that is found by a debug link: symbols, build id, lines.

use std::ffi::CString;
use std::io::Write;
use std::os::fd::AsRawFd;

use forkwatch_process::demangle::Nesting;
use forkwatch_process::elf_image::Image;
use forkwatch_process::lines::Lines;
use forkwatch_process::symbols::{Sort, Table, addresses_of, defined_at};

use super::records::memory_file;

/// Addresses to look up besides those of functions.
const ADDRESSES: [u64; 6] = [0, 0x1000, 0x1040, 0x1139, 0x2000, u64::MAX];

pub fn run(input: &[u8]) -> usize {
    let mut file = memory_file();
    file.write_all(input).expect("memory can be written");
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("no NUL");
    let Some(image) = Image::open(&path) else {
        return 0;
    };
    if let Some(id) = image.build_id() {
        assert!(id.len() <= 2 * input.len(), "a build id longer than the file");
    }
    let _any = (image.debug_link(), image.segments());
    let mut addresses = ADDRESSES.to_vec();
    for table in [Table::Full, Table::Exported] {
        addresses.extend(addresses_of(&image, table, b"main").map(|found| found.start));
        for sort in [Sort::Function, Sort::Variable] {
            for found in defined_at(&image, table, sort, &addresses).into_iter().flatten() {
                assert!(found.name.len() <= input.len(), "a name longer than the file");
            }
        }
    }
    let Some(lines) = Lines::read(&image) else {
        return 0;
    };
    let mut known = 0;
    for address in addresses {
        for place in lines.at(address, Nesting::within(1 << 20)) {
            assert_ne!(place.line, Some(0), "lines count from 1");
            known += 1;
        }
    }
    known
}
