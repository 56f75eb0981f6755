//! The variables that make a program watched.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::run::embedded::LIBRARY_NAME;
use crate::settings::Setting;

const PRELOAD: &str = "LD_PRELOAD";

/// The variables to set, `LD_PRELOAD` first unless there is no library to preload.
pub fn variables(
    library: Option<&Path>,
    settings: &[Setting],
    run_folder: Option<(OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let existing = env::var_os(PRELOAD).unwrap_or_default();
    let preload = library.map(|library| (OsString::from(PRELOAD), preload(library, &existing)));
    let mut variables: Vec<_> = preload.into_iter().collect();
    variables.extend(
        settings
            .iter()
            .map(|setting| (OsString::from(setting.row.variable), setting.value.clone())),
    );
    variables.extend(run_folder);
    variables
}

/// Ours first, then what was there: the first library that defines a function is the one that is called.
///
/// A copy of ours that was there already is left out, because each of two copies would take the other for the program.
fn preload(library: &Path, existing: &OsStr) -> OsString {
    let mut list = library.as_os_str().as_bytes().to_vec();
    for entry in existing.as_bytes().split(|byte| matches!(byte, b':' | b' ')) {
        if entry.is_empty() || Path::new(OsStr::from_bytes(entry)).file_name() == Some(OsStr::new(LIBRARY_NAME)) {
            continue;
        }
        list.push(b':');
        list.extend_from_slice(entry);
    }
    OsString::from_vec(list)
}

#[cfg(test)]
mod tests {
    use super::preload;

    #[test]
    fn what_was_preloaded_stays_behind_ours() {
        let list = |existing: &str| preload("/x/libforkwatch.so".as_ref(), existing.as_ref());
        assert_eq!(list(""), "/x/libforkwatch.so");
        assert_eq!(list("/a.so /b.so:"), "/x/libforkwatch.so:/a.so:/b.so");
        assert_eq!(list("/old/libforkwatch.so:/a.so"), "/x/libforkwatch.so:/a.so");
    }
}
