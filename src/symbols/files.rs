//! The files that name a module's functions and lines: the module itself, and the files that packagers split from it.
//!
//! Paths come from records, which anybody may have written: only regular files are opened, and only files with
//! the right build id are used.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use forkwatch_process::debug_files::{self, SYSTEM, by_build_id};
use forkwatch_process::elf_image::Image;

use super::debuginfod;
use super::regular_file::exists;

/// Additional places to look for debug files.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Folders like `/usr/lib/debug`, searched before it.
    pub folders: Vec<PathBuf>,
    /// Whether to ask the servers of `DEBUGINFOD_URLS` last.
    pub debuginfod: bool,
}

/// The files for one module.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The module's own file.
    pub own: Option<PathBuf>,
    /// The file with its debug information, if its own has none.
    pub apart: Option<PathBuf>,
    /// The common debug information that `dwz` moved out of that file.
    pub shared: Option<PathBuf>,
}

/// What a file says about itself.
#[derive(Debug)]
struct Head {
    build_id: Option<String>,
    has_lines: bool,
    /// `.gnu_debuglink`: the debug file's name.
    link: Option<Vec<u8>>,
    /// `.gnu_debugaltlink`: path and build id.
    shared: Option<(Vec<u8>, String)>,
}

/// The files of the module that the process knew as `named`, which can be opened as `file`. A module without a build id has
/// no other file than its own.
pub fn find(file: &Path, named: &Path, id: Option<&str>, sources: &Sources) -> Found {
    let own = head(file).filter(|own| own.build_id.as_deref() == id);
    let mut found = Found {
        own: own.is_some().then(|| file.to_owned()),
        ..Found::default()
    };
    let mut with_lines = own.as_ref().filter(|own| own.has_lines).map(|own| own.shared.clone());
    if let Some(id) = id.filter(|_| with_lines.is_none()) {
        let link = own.as_ref().and_then(|own| own.link.as_deref());
        let mut places = by_id(id, sources);
        places.extend(link.map_or_else(Vec::new, |link| by_link(link, file, named, sources)));
        let apart = first_with(id, places).or_else(|| {
            let is_id = by_build_id(SYSTEM, id).is_some();
            let path = (sources.debuginfod && is_id).then(|| debuginfod::file(id)).flatten()?;
            first_with(id, vec![path])
        });
        if let Some((path, head)) = apart {
            with_lines = Some(head.shared);
            found.apart = Some(path);
        }
    }
    if let Some(Some((path, id))) = with_lines {
        let of = found.apart.as_deref().unwrap_or(file);
        found.shared = first_with(&id, shared_places(&path, of, &id, sources)).map(|(path, _)| path);
    }
    found
}

fn folders(sources: &Sources) -> impl Iterator<Item = &Path> {
    let given = sources.folders.iter().map(PathBuf::as_path);
    given.chain([Path::new(OsStr::from_bytes(SYSTEM))])
}

fn by_id(id: &str, sources: &Sources) -> Vec<PathBuf> {
    let place = |folder: &Path| by_build_id(folder.as_os_str().as_bytes(), id);
    folders(sources).filter_map(place).map(path_of).collect()
}

fn by_link(link: &[u8], file: &Path, named: &Path, sources: &Sources) -> Vec<PathBuf> {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let (Some(beside), Some(folder)) = (file.parent().map(bytes), named.parent().map(bytes)) else {
        return Vec::new();
    };
    let debug = folders(sources).map(|folder| folder.as_os_str().as_bytes());
    let places = debug_files::by_link(link, &beside, &folder, debug);
    places.into_iter().map(path_of).collect()
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Debian writes an absolute path, Fedora one relative to the debug file.
fn shared_places(path: &[u8], of: &Path, id: &str, sources: &Sources) -> Vec<PathBuf> {
    let path = Path::new(OsStr::from_bytes(path));
    let mut places = Vec::new();
    // Debug files are often reached by a link from the directory of build ids.
    if let Some(folder) = fs::canonicalize(of).ok().as_deref().and_then(Path::parent) {
        places.push(folder.join(path));
    }
    if let Some(name) = path.file_name() {
        places.extend(folders(sources).map(|folder| folder.join(".dwz").join(name)));
    }
    places.extend(by_id(id, sources));
    places
}

fn first_with(id: &str, places: Vec<PathBuf>) -> Option<(PathBuf, Head)> {
    places.into_iter().find_map(|path| {
        let head = head(&path).filter(|head| head.build_id.as_deref() == Some(id))?;
        Some((path, head))
    })
}

fn head(path: &Path) -> Option<Head> {
    let image = open(path)?;
    Some(Head {
        build_id: image.build_id(),
        has_lines: image.has_debug_information(),
        link: image.debug_link(),
        shared: image.shared_link(),
    })
}

/// The image in a regular file.
pub fn open(path: &Path) -> Option<Image> {
    if !exists(path) {
        return None;
    }
    Image::open(&CString::new(path.as_os_str().as_bytes()).ok()?)
}
