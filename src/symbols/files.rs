//! The files that name a module's functions and lines: the module itself, and the files that packagers split from it.
//!
//! Paths come from records, which anybody may have written: only regular files are opened, and only files with
//! the right build id are used.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSection, ReadCache};

use super::debuginfod;

/// Where distributions put debug files.
const SYSTEM: &str = "/usr/lib/debug";

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
    if let Some(id) = id.filter(|id| with_lines.is_none() && is_id(id)) {
        let link = own.as_ref().and_then(|own| own.link.as_deref());
        let mut places = by_id(id, sources);
        places.extend(link.map_or_else(Vec::new, |link| by_link(link, file, named, sources)));
        let apart = first_with(id, places).or_else(|| {
            let path = sources.debuginfod.then(|| debuginfod::file(id)).flatten()?;
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

/// Whether a regular file is there.
pub fn exists(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// Text from a record becomes part of a path, so only digits are allowed.
fn is_id(id: &str) -> bool {
    id.len() > 2 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn folders(sources: &Sources) -> impl Iterator<Item = &Path> {
    let given = sources.folders.iter().map(PathBuf::as_path);
    given.chain([Path::new(SYSTEM)])
}

fn by_id(id: &str, sources: &Sources) -> Vec<PathBuf> {
    let (start, rest) = id.split_at(2);
    folders(sources)
        .map(|folder| folder.join(format!(".build-id/{start}/{rest}.debug")))
        .collect()
}

/// Where gdb looks for the file of a debug link, too.
fn by_link(link: &[u8], file: &Path, named: &Path, sources: &Sources) -> Vec<PathBuf> {
    let link = OsStr::from_bytes(link);
    // A link names a file in these directories only.
    let (Some(link), Some(beside)) = (Path::new(link).file_name(), file.parent()) else {
        return Vec::new();
    };
    let mut places = vec![beside.join(link), beside.join(".debug").join(link)];
    if let Some(below) = named.parent().and_then(|folder| folder.strip_prefix("/").ok()) {
        places.extend(folders(sources).map(|folder| folder.join(below).join(link)));
    }
    places
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
    if is_id(id) {
        places.extend(by_id(id, sources));
    }
    places
}

fn first_with(id: &str, places: Vec<PathBuf>) -> Option<(PathBuf, Head)> {
    places.into_iter().find_map(|path| {
        let head = head(&path).filter(|head| head.build_id.as_deref() == Some(id))?;
        Some((path, head))
    })
}

fn head(path: &Path) -> Option<Head> {
    // Opening a pipe would block for ever.
    if !exists(path) {
        return None;
    }
    // Only the required parts are read: programs with debug information can be gigabytes.
    let cache = ReadCache::new(File::open(path).ok()?);
    let elf = object::File::parse(&cache).ok()?;
    let lines = [".debug_info", ".zdebug_info"];
    let link = elf.gnu_debuglink().ok().flatten();
    let shared = elf.gnu_debugaltlink().ok().flatten();
    Some(Head {
        build_id: elf.build_id().ok().flatten().map(hexadecimal),
        has_lines: lines
            .iter()
            .any(|name| elf.section_by_name(name).is_some_and(|section| section.size() > 0)),
        link: link.map(|(name, _)| name.to_vec()),
        shared: shared.map(|(path, id)| (path.to_vec(), hexadecimal(id))),
    })
}

fn hexadecimal(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
