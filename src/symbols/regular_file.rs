//! Regular files: opening a pipe could wait for ever.

use std::fs;
use std::path::Path;

/// Whether a regular file is there.
pub fn exists(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}
