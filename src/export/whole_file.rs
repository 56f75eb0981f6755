//! Files that others read while they are replaced.

use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Replaces a file: whoever reads it finds the old content or the new one, whole.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Its name begins with a dot and ends with nothing that a reader of the directory looks for.
    let mut file = NamedTempFile::with_prefix_in(".forkwatch-", folder.unwrap_or(Path::new(".")))?;
    let mut out = io::BufWriter::new(file.as_file_mut());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    // Before the name: after a power failure, the name must not stand for an empty file.
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error).map(drop)
}
