//! The next definition of a symbol behind our own: what the program would have called without us.
#![expect(unsafe_code, reason = "dlsym and dlvsym")]

use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::errno::KeepErrno;

/// A place for one real function, filled on first use. A hook owns its place; nobody keeps a list to forget it in.
#[derive(Debug)]
pub struct Real {
    name: &'static CStr,
    /// The symbol version to ask for, where the default would be the wrong one.
    version: Option<&'static CStr>,
    address: AtomicPtr<c_void>,
}

impl Real {
    /// A place for the function of this name.
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            version: None,
            address: AtomicPtr::new(null_mut()),
        }
    }

    /// A place for one version of a function that libc has several of.
    pub const fn versioned(name: &'static CStr, version: &'static CStr) -> Self {
        Self {
            name,
            version: Some(version),
            address: AtomicPtr::new(null_mut()),
        }
    }

    /// The function's address; null where the running libc does not have it.
    #[inline(always)]
    pub fn address(&self) -> *mut c_void {
        let address = self.known_address();
        if address.is_null() { self.resolve() } else { address }
    }

    /// The function's address, if it was looked up before; else null.
    #[inline(always)]
    pub fn known_address(&self) -> *mut c_void {
        // Relaxed: the value is a function's address, the same whoever wrote it, and carries no data of ours with it.
        self.address.load(Ordering::Relaxed)
    }

    /// As [`Self::address`]; where nothing is visible to the whole program, the definition that is visible to the library
    /// which holds one of these places: one that was opened with `RTLD_LOCAL` brings its own runtime along.
    pub fn address_for(&self, place: usize, other: usize) -> *mut c_void {
        let mut address = self.address();
        if address.is_null() {
            let mut seen = [place, other].into_iter().map(|place| visible_to(place, self.name));
            address = seen.find(|address| !address.is_null()).unwrap_or(null_mut());
            self.address.store(address, Ordering::Relaxed);
        }
        address
    }

    #[cold]
    #[inline(never)]
    fn resolve(&self) -> *mut c_void {
        // `syslog` prints errno, say, and must print the program's.
        let _errno = KeepErrno::as_it_is();
        let mut address = null_mut();
        if let Some(version) = self.version {
            // SAFETY: both strings end with NUL; RTLD_NEXT is valid in a loaded library.
            address = unsafe { libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr()) };
        }
        if address.is_null() {
            address = next(self.name);
        }
        if address.is_null()
            && let Some(public) = self.name.to_bytes_with_nul().strip_prefix(b"__")
            && let Ok(public) = CStr::from_bytes_with_nul(public)
        {
            // An internal name that this libc has dropped, or keeps for old programs only: the public function is the same.
            address = next(public);
        }
        self.address.store(address, Ordering::Relaxed);
        address
    }
}

fn visible_to(place: usize, name: &CStr) -> *mut c_void {
    // SAFETY: `dladdr` only looks its argument up and fills the structure; `dlopen` with RTLD_NOLOAD loads nothing and finds
    // a library that is there, whose count it raises for good, so that what was found stays.
    unsafe {
        let mut found: libc::Dl_info = core::mem::zeroed();
        if libc::dladdr(place as *const c_void, &raw mut found) == 0 || found.dli_fname.is_null() {
            return null_mut();
        }
        let library = libc::dlopen(found.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if library.is_null() {
            null_mut()
        } else {
            libc::dlsym(library, name.as_ptr())
        }
    }
}

fn next(name: &CStr) -> *mut c_void {
    // SAFETY: the string ends with NUL; RTLD_NEXT is valid in a loaded library.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}
