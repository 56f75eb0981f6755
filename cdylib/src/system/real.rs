//! The next definition of a symbol behind our own: what the program would have called without us.
#![expect(unsafe_code, reason = "dlsym and dlvsym")]

use core::ffi::{CStr, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

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
        // Relaxed: the value is a function's address, the same whoever wrote it, and carries no data of ours with it.
        let address = self.address.load(Ordering::Relaxed);
        if address.is_null() { self.resolve() } else { address }
    }

    #[cold]
    #[inline(never)]
    fn resolve(&self) -> *mut c_void {
        let mut address = null_mut();
        if let Some(version) = self.version {
            // SAFETY: both strings end with NUL; RTLD_NEXT is valid in a loaded library.
            address = unsafe { libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr()) };
        }
        if address.is_null() {
            // SAFETY: as above.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        }
        self.address.store(address, Ordering::Relaxed);
        address
    }
}
