//! What the kernel passed to this program at its start.
#![expect(unsafe_code, reason = "the auxiliary vector")]

use core::ffi::{CStr, c_ulong};

/// The value of this kind in the auxiliary vector (`AT_PHDR` and others); `None` where there is none.
pub fn auxiliary(kind: c_ulong) -> Option<usize> {
    // SAFETY: libc looks the number up in a table that never changes.
    let value = unsafe { libc::getauxval(kind) };
    usize::try_from(value).ok().filter(|&value| value != 0)
}

/// The program's file, read through this thread, because the first one may have ended. Where `/proc` cannot be read, the name it
/// was executed by, which may be relative; empty where that is unknown, too.
pub fn program_path() -> Vec<u8> {
    let path = rustix::fs::readlinkat(rustix::fs::CWD, c"/proc/thread-self/exe", Vec::new());
    if let Ok(path) = path {
        return path.into_bytes();
    }
    let called = auxiliary(libc::AT_EXECFN).map(|address| {
        // SAFETY: the kernel has put a text there, above the first stack, and no program has a reason to change it.
        unsafe { CStr::from_ptr(address as *const core::ffi::c_char) }
    });
    called.map(|path| path.to_bytes().to_vec()).unwrap_or_default()
}
