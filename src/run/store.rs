//! The library written out as a file that nobody else can change: private directories, whole files, checked before use.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use crate::run::embedded::{EMBEDDED, LIBRARY_NAME};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o500;
const MODE_BITS: u32 = 0o7777;

/// Only the sticky bit keeps others from moving what they do not own out of a directory that they may write to.
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

/// The library in `FOLDER/NAME/`, written if it is missing, and rewritten if it differs from ours in any byte: nobody else can
/// write to these directories, so a difference is an accident.
pub fn kept(folder: &Path, name: &str) -> io::Result<PathBuf> {
    if let Some(parent) = folder.parent() {
        // Nothing above it is created: we do not create a missing home.
        match DirBuilder::new().mode(FOLDER_MODE).create(parent) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => cannot_be_moved(parent)?,
        }
    }
    private_folder(folder)?;
    let folder = folder.join(name);
    private_folder(&folder)?;
    let path = folder.join(LIBRARY_NAME);
    if verify(&path).is_err() {
        write_whole(&path, FILE_MODE)?;
        verify(&path)?;
    }
    Ok(path)
}

/// The library in a new folder of its own below `folder`.
pub fn fresh(folder: &Path) -> io::Result<PathBuf> {
    cannot_be_moved(folder)?;
    // It stays: the program that uses it outlives this command.
    let folder = tempfile::Builder::new()
        .prefix("forkwatch-")
        .permissions(Permissions::from_mode(FOLDER_MODE))
        .tempdir_in(folder)?
        .keep();
    let path = folder.join(LIBRARY_NAME);
    write_whole(&path, FILE_MODE)?;
    Ok(path)
}

/// Writes the library so that the path holds either nothing new or all of it.
pub fn write_whole(path: &Path, mode: u32) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".libforkwatch-").tempfile_in(folder)?;
    file.write_all(EMBEDDED)?;
    // Not at creation, where the umask would apply.
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    // A crash must not leave an empty file under the name: it would be refused for ever after.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Makes the directory, or checks that the one that is there is ours alone.
fn private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Not through a symbolic link, which somebody else could have created.
    let metadata = fs::symlink_metadata(folder)?;
    let is_private = metadata.is_dir() && metadata.mode() & MODE_BITS == FOLDER_MODE && is_ours(metadata.uid());
    if is_private {
        Ok(())
    } else {
        Err(ErrorKind::PermissionDenied.into())
    }
}

/// Checks that only we and root can replace this directory.
fn cannot_be_moved(folder: &Path) -> io::Result<()> {
    for ancestor in folder.canonicalize()?.ancestors() {
        let metadata = ancestor.metadata()?;
        let is_trusted = is_ours(metadata.uid()) || metadata.uid() == 0;
        let is_open = metadata.mode() & OTHERS_WRITE != 0 && metadata.mode() & STICKY == 0;
        if !is_trusted || is_open {
            let shown = ancestor.display();
            let why = format!("other users can change {shown} and could put another library there");
            return Err(io::Error::new(ErrorKind::PermissionDenied, why));
        }
    }
    Ok(())
}

/// Checks owner, mode and content of a file.
fn verify(path: &Path) -> io::Result<()> {
    // Non-blocking, in case somebody put a pipe there.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let is_as_written = metadata.is_file()
        && is_ours(metadata.uid())
        && metadata.mode() & MODE_BITS == FILE_MODE
        && metadata.len() == EMBEDDED.len() as u64;
    let mut content = Vec::new();
    if is_as_written {
        file.read_to_end(&mut content)?;
    }
    if content == EMBEDDED {
        Ok(())
    } else {
        Err(ErrorKind::InvalidData.into())
    }
}

fn is_ours(uid: u32) -> bool {
    uid == geteuid().as_raw()
}
