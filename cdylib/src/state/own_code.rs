//! Which addresses are our own code: our frames are left out of every stack.
#![expect(unsafe_code, reason = "the linker's own symbol and the ELF header behind it")]

use core::ops::Range;

use forkwatch_state::code_range::CodeRange;

static CODE: CodeRange = CodeRange::unknown();

/// Whether `address` lies in this library's code.
pub fn contains(address: usize) -> bool {
    CODE.get_or(executable_range).contains(&address)
}

/// The executable segment of the object that this function lies in, by its own program headers.
fn executable_range() -> Range<usize> {
    unsafe extern "C" {
        // The linker puts it at the ELF header and hides it, so it is this object's own.
        static __ehdr_start: libc::Elf64_Ehdr;
    }
    let base = &raw const __ehdr_start as usize;
    // SAFETY: the linker maps the ELF header at this symbol.
    let header = unsafe { &__ehdr_start };
    let first = base + usize::try_from(header.e_phoff).unwrap_or(0);
    // SAFETY: the program headers follow in the same first mapped page; the header has their number.
    let segments =
        unsafe { core::slice::from_raw_parts(first as *const libc::Elf64_Phdr, usize::from(header.e_phnum)) };
    let code = segments
        .iter()
        .find(|segment| segment.p_type == libc::PT_LOAD && segment.p_flags & libc::PF_X != 0);
    let Some(code) = code else { return 0..1 };
    let start = base + usize::try_from(code.p_vaddr).unwrap_or(0);
    start..start + usize::try_from(code.p_memsz).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_function_is_ours_and_libcs_are_not() {
        assert!(super::contains(super::contains as *const () as usize));
        assert!(!super::contains(libc::getpid as *const () as usize));
        assert!(!super::contains(8));
    }
}
