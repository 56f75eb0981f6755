//! Which loaded object an address lies in, for a glibc before 2.35, which has no function that answers without the loader's lock: read
//! from the loader's list, through the kernel, because another thread may change it meanwhile.
//!
//! What was found is kept by page, and good for as long as the loader's record of the object says the same: one read.

use forkwatch_state::rows::{Row, Rows};

use crate::system::kernel::Kernel;
use crate::system::next_definition::{self, Mapped};

const PAGE: usize = 4096;

/// One row for each page with code that a stack led to: the loader's record in `entry`, the dynamic section in `hash`, and the rest
/// in `rules`.
static KNOWN: Rows<Kernel> = Rows::empty();

/// The object around `address`.
pub(super) fn around(address: usize) -> Option<Mapped> {
    let page = address & !(PAGE - 1);
    let known = KNOWN.kept(page).map(unpacked);
    if let Some(known) = known.filter(next_definition::is_still) {
        return Some(known);
    }
    let found = next_definition::mapped_around(address)?;
    KNOWN.keep(page, packed(&found));
    Some(found)
}

fn packed(mapped: &Mapped) -> Row {
    Row {
        entry: mapped.map,
        length: 0,
        hash: mapped.dynamic as u64,
        rules: [mapped.start, mapped.end, mapped.index].map(|address| address as u64),
    }
}

fn unpacked(row: Row) -> Mapped {
    let address = |word| usize::try_from(word).unwrap_or(0);
    let [start, end, index] = row.rules.map(address);
    Mapped {
        map: row.entry,
        dynamic: address(row.hash),
        start,
        end,
        index,
    }
}

#[cfg(test)]
mod tests {
    #![expect(unsafe_code, reason = "the loader's own answer")]

    use core::ffi::{CStr, c_int, c_void};

    use super::{KNOWN, PAGE, Row, around};

    struct Answer {
        address: usize,
        /// Start, end and index.
        found: Option<[usize; 3]>,
    }

    /// Looks `answer.address` up as libc does.
    unsafe extern "C" fn see(info: *mut libc::dl_phdr_info, _size: usize, answer: *mut c_void) -> c_int {
        // SAFETY: the loader's own record, and the answer of `by_libc`.
        let (info, answer) = unsafe { (&*info, &mut *answer.cast::<Answer>()) };
        // SAFETY: the loader's table of headers.
        let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let place = |address: u64| usize::try_from(info.dlpi_addr + address).unwrap();
        let of_kind = |kind| headers.iter().filter(move |header| header.p_type == kind);
        let start = of_kind(libc::PT_LOAD)
            .map(|part| place(part.p_vaddr) & !(PAGE - 1))
            .min()
            .unwrap();
        let end = of_kind(libc::PT_LOAD)
            .map(|part| place(part.p_vaddr + part.p_memsz))
            .max()
            .unwrap();
        // The kernel may put its own object into a gap between another one's parts.
        let is_nearest = answer.found.is_none_or(|[other, ..]| start > other);
        if (start..end).contains(&answer.address) && is_nearest {
            let index = of_kind(libc::PT_GNU_EH_FRAME)
                .next()
                .map_or(0, |part| place(part.p_vaddr));
            answer.found = Some([start, end, index]);
        }
        0
    }

    fn by_libc(address: usize) -> Option<[usize; 3]> {
        let mut answer = Answer { address, found: None };
        // SAFETY: `see` gets the address of `answer`.
        unsafe { libc::dl_iterate_phdr(Some(see), (&raw mut answer).cast()) };
        answer.found
    }

    fn ours(address: usize) -> Option<[usize; 3]> {
        around(address).map(|found| [found.start, found.end, found.index])
    }

    #[test]
    fn code_of_the_program_of_libraries_and_of_the_kernel_is_found() {
        // SAFETY: asks for a number.
        let vdso = usize::try_from(unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) }).unwrap();
        let places = [
            by_libc as *const () as usize,
            libc::getppid as *const () as usize,
            vdso + 0x200,
        ];
        for place in places {
            for _ in 0..2 {
                let found = ours(place);
                assert!(
                    found.is_some() && found == by_libc(place),
                    "{place:x}: {found:x?}, {:x?}",
                    by_libc(place)
                );
            }
        }
        let on_the_stack = 0;
        assert_eq!(ours(&raw const on_the_stack as usize), None);
        assert_eq!(ours(0), None);
    }

    #[test]
    fn what_was_kept_of_another_object_is_not_believed() {
        let place = libc::getpid as *const () as usize;
        let page = place & !(PAGE - 1);
        let right = ours(place);
        let kept = KNOWN.kept(page).unwrap();
        KNOWN.keep(
            page,
            Row {
                hash: kept.hash + 16,
                rules: [1, 2, 3],
                ..kept
            },
        );
        assert_eq!(ours(place), right);
        KNOWN.keep(
            page,
            Row {
                entry: 16,
                rules: [1, 2, 3],
                ..kept
            },
        );
        assert_eq!(ours(place), right);
    }

    #[test]
    fn an_unloaded_library_is_not_found() {
        let load = |name: &CStr| {
            // SAFETY: a library that does nothing when it is loaded.
            unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) }
        };
        // Nothing that a test program needs.
        let library = load(c"libnss_compat.so.2");
        if library.is_null() {
            println!("skipped: there is no libnss_compat.so.2");
            return;
        }
        // SAFETY: the handle is the library's, and the name is one that every such library has.
        let place = unsafe { libc::dlsym(library, c"_nss_compat_endpwent".as_ptr()) } as usize;
        assert!(place != 0 && ours(place).is_some());
        // SAFETY: nothing of it is used any more.
        unsafe { libc::dlclose(library) };
        assert_eq!(ours(place), by_libc(place));
    }
}
