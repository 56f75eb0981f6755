//! Which glibc runs: some of its locks looked different before.
#![expect(unsafe_code, reason = "a function of libc's")]

use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use super::next_definition::Scope;
use super::real::{nothing, real_function};

/// A version of glibc.
pub type Version = (u16, u16);

/// The version of the running libc; `None` where it is not glibc.
pub fn glibc() -> Option<Version> {
    /// In place of a version, for another libc. Major and minor version are in the halves of the word; 0 until it is known.
    const OTHER: u32 = 1;
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    // Relaxed: every thread finds the same answer.
    match KNOWN.load(Ordering::Relaxed) {
        0 => {
            let version = ask();
            let word = version.map_or(OTHER, |(major, minor)| u32::from(major) << 16 | u32::from(minor));
            KNOWN.store(word, Ordering::Relaxed);
            version
        }
        OTHER => None,
        word => Some(((word >> 16) as u16, (word & 0xffff) as u16)),
    }
}

/// Whether a glibc runs that is older than this one.
pub fn is_before(version: Version) -> bool {
    glibc().is_some_and(|running| running < version)
}

fn ask() -> Option<Version> {
    real_function!(static VERSION = c"gnu_get_libc_version", Scope::Next, None, Some(nothing));
    let address = VERSION.if_there()?;
    // SAFETY: glibc's function of this name takes nothing and returns a string that lives for ever.
    let text = unsafe {
        let version = core::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const c_char>(address);
        CStr::from_ptr(version())
    };
    let mut numbers = text.to_str().ok()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{glibc, is_before};

    #[test]
    fn the_running_version_is_known() {
        let (major, minor) = glibc().unwrap();
        assert!((major, minor) >= (2, 17) && !is_before((major, minor)) && is_before((major, minor + 1)));
    }
}
