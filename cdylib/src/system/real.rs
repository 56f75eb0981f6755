//! The functions behind our hooks: what the program would have called without us, and what we call of libc ourselves.
//!
//! Every place that [`real_function!`] makes is in one list, which [`find_all`] fills when the library starts. A hook that is
//! reached earlier fills its own place: finding a definition takes no lock and calls nothing, so that a signal handler or
//! another library's constructor may interrupt it.
#![expect(unsafe_code, reason = "the list lies between two linker symbols")]

use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::next_definition::{self, Access, Scope};

/// A stand-in for a function that the running libc does not have. It is called with that function's arguments, and ignores them.
pub type Absent = extern "C" fn() -> usize;

/// A place for one real function.
#[derive(Debug)]
pub struct Real {
    name: &'static CStr,
    /// The symbol version to ask for, where the default would be the wrong one.
    version: Option<&'static CStr>,
    scope: Scope,
    /// What to call where there is none; `None` where a library that is loaded later may define it.
    absent: Option<Absent>,
    address: AtomicPtr<c_void>,
}

/// Makes a place, which [`find_all`] will fill: `real_function!(static NAME = c"symbol", SCOPE, VERSION, ABSENT)`.
macro_rules! real_function {
    (static $place:ident = $name:expr, $scope:expr, $version:expr, $absent:expr) => {
        #[used]
        #[expect(unsafe_code, reason = "all places lie together")]
        #[unsafe(link_section = "forkwatch_real")]
        static $place: $crate::system::real::Real = $crate::system::real::Real::new($name, $scope, $version, $absent);
    };
}
pub(crate) use real_function;

impl Real {
    /// The offset of the address in a place, for entries in assembly.
    pub const ADDRESS: usize = core::mem::offset_of!(Self, address);

    /// Only for [`real_function!`], which puts it in the list.
    pub const fn new(
        name: &'static CStr,
        scope: Scope,
        version: Option<&'static CStr>,
        absent: Option<Absent>,
    ) -> Self {
        Self {
            name,
            version,
            scope,
            absent,
            address: AtomicPtr::new(null_mut()),
        }
    }

    /// The function's address, or that of its stand-in; null only where a later library may define it. Of a function for threads, the
    /// stand-in's address must not be kept: see [`Self::known_address`].
    #[inline(always)]
    pub fn address(&self) -> *mut c_void {
        let address = self.known_address();
        if address.is_null() { self.find() } else { address }
    }

    /// The function's address, if it was found before; else null.
    #[inline(always)]
    pub fn known_address(&self) -> *mut c_void {
        // Relaxed: the value is a function's address, the same from every writer, and publishes no other data.
        self.address.load(Ordering::Relaxed)
    }

    /// As [`Self::address`]; `None` where the running libc does not have it.
    pub fn if_there(&self) -> Option<*mut c_void> {
        let address = self.address();
        let absent = self.absent.map_or(0, |absent| absent as usize);
        (!address.is_null() && address as usize != absent).then_some(address)
    }

    /// As [`Self::address`]; if nothing is visible to the whole program, the definition that is visible to the object around one
    /// of these places: a library that was opened with `RTLD_LOCAL` loads its own runtime, and unloads it again.
    pub fn address_for(&self, places: [usize; 2]) -> *mut c_void {
        let address = self.address();
        if address.is_null() {
            next_definition::find_visible_to(places, self.name)
        } else {
            address
        }
    }

    #[cold]
    #[inline(never)]
    fn find(&self) -> *mut c_void {
        // Relaxed: a thread that sees the old value is one of those that were there at the start.
        let access = if STARTED.load(Ordering::Relaxed) {
            Access::Guarded
        } else {
            Access::Direct
        };
        let look = |name, version| next_definition::find(self.scope, access, name, version);
        let mut address = look(self.name, self.version);
        if address.is_null() && self.version.is_some() {
            address = look(self.name, None);
        }
        if address.is_null()
            && let Some(public) = self.name.to_bytes_with_nul().strip_prefix(b"__")
            && let Ok(public) = CStr::from_bytes_with_nul(public)
        {
            // An internal name that this libc has dropped, or keeps only for old programs: the public function is the same.
            address = look(public, None);
        }
        if address.is_null()
            && let Some(absent) = self.absent
        {
            address = absent as *mut c_void;
            if is_for_threads(self.name) && next_definition::threads_may_come_later(access) {
                // Called anew, it is looked for again.
                return address;
            }
        }
        // Relaxed: every thread finds the same address.
        self.address.store(address, Ordering::Relaxed);
        address
    }
}

/// All places were filled: from now on, other threads may unload objects. Relaxed: written before there is a second thread.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Whether this is a function of the library of threads that glibc had before 2.34.
fn is_for_threads(name: &CStr) -> bool {
    let name = name.to_bytes();
    let name = name.strip_prefix(b"__").unwrap_or(name);
    let families: [&[u8]; 6] = [b"pthread_", b"sem_", b"thrd_", b"mtx_", b"cnd_", b"tss_"];
    families.iter().any(|family| name.starts_with(family))
}

// Hidden, because other libraries may have a section of this name.
core::arch::global_asm!(".hidden __start_forkwatch_real", ".hidden __stop_forkwatch_real");

unsafe extern "C" {
    // The linker's symbols for both ends of the section with the places.
    static __start_forkwatch_real: u8;
    static __stop_forkwatch_real: u8;
}

/// Fills every place. Called when the library starts, while no other thread can unload what is found.
pub fn find_all() {
    let (first, end) = (&raw const __start_forkwatch_real, &raw const __stop_forkwatch_real);
    let (mut place, end) = (first.cast::<Real>(), end.cast::<Real>());
    while place < end {
        // SAFETY: between the two symbols are the places that `real_function!` made, and nothing else.
        unsafe {
            (*place).address();
            place = place.add(1);
        }
    }
    STARTED.store(true, Ordering::Relaxed);
}

/// In place of a function that returns an error number.
pub extern "C" fn no_error_number() -> usize {
    libc::ENOSYS.unsigned_abs() as usize
}

/// In place of a function that returns -1 and sets `errno`.
pub extern "C" fn no_such_call() -> usize {
    super::errno::set(libc::ENOSYS);
    usize::MAX
}

/// In place of a function of C11's `threads.h`: `thrd_error`.
pub extern "C" fn no_c11_threads() -> usize {
    2
}

/// In place of a function that returns a pointer, or nothing.
pub extern "C" fn nothing() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::{Scope, find_all, no_error_number};

    real_function!(static THERE = c"pthread_mutex_lock", Scope::Libc, None, None);
    real_function!(static MISSING = c"no_such_function", Scope::Next, None, Some(no_error_number));

    #[test]
    fn all_places_are_filled_and_what_is_missing_has_a_stand_in() {
        find_all();
        assert!(!THERE.known_address().is_null());
        assert_eq!(MISSING.known_address() as usize, no_error_number as *const () as usize);
        assert!(THERE.if_there().is_some() && MISSING.if_there().is_none());
    }
}
