//! Debug files from the servers of `DEBUGINFOD_URLS`, fetched with elfutils' client.
//!
//! `debuginfod-find` knows certificates, proxies, time limits and the cache that gdb shares; a client of our own would duplicate
//! that and would be most of the command's size.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

use super::regular_file::exists;
use crate::message::{Failure, say};

/// The variable that names the servers.
pub const URLS: &str = "DEBUGINFOD_URLS";

/// The debug file with this build id, fetched if necessary; `None` if no server has it.
pub fn file(id: &str) -> Option<PathBuf> {
    let kept = cache()
        .map(|cache| cache.join(id).join("debuginfo"))
        .filter(|path| exists(path));
    // The client keeps an empty file for a failed request, and knows when to ask again.
    let is_whole = |path: &Path| path.metadata().is_ok_and(|found| found.len() > 0);
    if let Some(path) = kept.filter(|path| is_whole(path)) {
        return Some(path);
    }
    env::var_os(URLS).filter(|urls| !urls.is_empty())?;
    let mut client = Command::new("debuginfod-find");
    client
        .args(["debuginfo", id])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    match client.output() {
        Ok(output) if output.status.success() => {
            let path = output.stdout.trim_ascii_end().to_vec();
            Some(PathBuf::from(OsString::from_vec(path)))
        }
        Ok(_) => None,
        Err(error) => {
            static REPORTED: Once = Once::new();
            REPORTED.call_once(|| {
                say(&Failure::usage(format!(
                    "cannot run debuginfod-find, which asks the servers in {URLS}: {error}; it is part of elfutils"
                )));
            });
            None
        }
    }
}

/// Where the client keeps files.
fn cache() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("DEBUGINFOD_CACHE_PATH").or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(caches.join("debuginfod_client"))
    })
}
