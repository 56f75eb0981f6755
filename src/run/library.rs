//! Where the library is: next to the command, or else written out from the copy inside the command.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;

use crate::message::Failure;
use crate::run::embedded::{EMBEDDED, LIBRARY_NAME};
use crate::run::store;

/// A path to the library that `LD_PRELOAD` can hold.
pub fn library() -> Result<PathBuf, Failure> {
    if let Some(path) = beside().or_else(installed) {
        return Ok(path);
    }
    let temporary = env::temp_dir();
    let versioned = format!("{}-{}", env!("CARGO_PKG_VERSION"), fingerprint());
    // The second directory is for users without a home; the last resort is for users whose directories were tampered with.
    let lasting = [
        cache(),
        Some(temporary.join(format!("forkwatch-{}", geteuid().as_raw()))),
    ];
    for folder in lasting.into_iter().flatten() {
        if is_usable(&folder)
            && let Ok(path) = store::kept(&folder, &versioned)
        {
            return Ok(path);
        }
    }
    if !is_usable(&temporary) {
        let shown = temporary.display();
        return Err(Failure::cannot(format!(
            "no directory for the library: LD_PRELOAD cannot hold a path with a colon, a space or a `$`, or on a noexec \
             mount, and TMPDIR is {shown}; set XDG_CACHE_HOME or TMPDIR to another directory"
        )));
    }
    store::fresh(&temporary).map_err(|error| {
        let shown = temporary.display();
        Failure::cannot(format!(
            "the library cannot be written below {shown}: {error}; set TMPDIR to a directory that only you can write to"
        ))
    })
}

/// The library in the directory of the command itself, as it was built or packaged.
fn beside() -> Option<PathBuf> {
    let command = env::current_exe().ok()?.canonicalize().ok()?;
    let path = command.with_file_name(LIBRARY_NAME);
    (path.is_file() && is_usable(&path)).then_some(path)
}

/// The library where a package of the distribution puts it: `/usr/lib/x86_64-linux-gnu` for `/usr/bin/forkwatch`. Another version may
/// lie there, so it must be the very library that the command contains.
fn installed() -> Option<PathBuf> {
    let command = env::current_exe().ok()?.canonicalize().ok()?;
    let folder = format!("lib/{}-linux-gnu", env::consts::ARCH);
    let path = command.parent()?.with_file_name(folder).join(LIBRARY_NAME);
    (is_usable(&path) && fs::read(&path).is_ok_and(|bytes| bytes == EMBEDDED)).then_some(path)
}

/// Our directory in the user's cache.
fn cache() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("forkwatch"))
}

/// Distinguishes builds of one version; nothing is trusted because of it.
fn fingerprint() -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(EMBEDDED);
    format!("{:016x}", hasher.finish())
}

/// Whether the dynamic linker can load a library from here.
fn is_usable(path: &Path) -> bool {
    let existing = path.ancestors().find(|folder| folder.exists());
    let is_noexec = existing
        .and_then(|folder| statvfs(folder).ok())
        .is_some_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC));
    path.is_absolute() && is_plain(path.as_os_str()) && !is_noexec
}

/// ld.so(8) splits `LD_PRELOAD` at colons and spaces and expands `$ORIGIN`, and knows no way to quote either.
fn is_plain(path: &OsStr) -> bool {
    !path
        .as_bytes()
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || matches!(byte, b':' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn paths_that_the_linker_would_split_are_not_plain() {
        assert!(is_plain("/home/me/.cache".as_ref()));
        for path in ["/a b", "/a:b", "/a\tb", "/$LIB"] {
            assert!(!is_plain(path.as_ref()), "{path}");
        }
    }
}
