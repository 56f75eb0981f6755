//! Which files the paths on the command line mean.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, stdin};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, fstat, major, minor};
use walkdir::WalkDir;

use super::unpack;

/// Endings of the files in a directory that are always read.
const ENDINGS: &[&str] = &[".jsonl", ".json", ".log"];
const PACKED_ENDINGS: &[&str] = &[".gz", ".zst"];

/// The bytes that are read of a file with another name to see whether it has records.
const PEEKED_BYTES: u64 = 4096;

/// One file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path; `-` is standard input.
    pub path: PathBuf,
    /// Its size, if several threads can read it at once: a plain file that is not compressed.
    pub size: Option<u64>,
}

impl Input {
    /// Whether it is standard input.
    pub fn is_standard_input(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// The files that the paths name, and a message for each path that names none.
pub fn find<'path>(paths: impl IntoIterator<Item = &'path OsString>) -> (Vec<Input>, Vec<String>) {
    let (mut inputs, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if path == "-" {
            match fstat(stdin()) {
                Ok(status) if is_endless(status.st_mode, status.st_rdev) => problems.push(endless("standard input")),
                _ => inputs.push(Input {
                    path: path.into(),
                    size: None,
                }),
            }
        } else {
            one_path(Path::new(path), &mut inputs, &mut problems);
        }
    }
    let mut known = HashSet::new();
    // A log that was named, and is in a directory that was named, is read once.
    inputs.retain(|input| known.insert(fs::canonicalize(&input.path).unwrap_or_else(|_| input.path.clone())));
    (inputs, problems)
}

fn one_path(path: &Path, inputs: &mut Vec<Input>, problems: &mut Vec<String>) {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => folder(path, inputs, problems),
        Ok(_) => add(path, inputs, problems),
        // A pattern that the shell passed on because it is quoted; a file of that name takes precedence.
        Err(_) if has_wildcard(path.as_os_str()) => pattern(path, inputs, problems),
        Err(error) => problems.push(unreadable(path, &error)),
    }
}

fn has_wildcard(path: &OsStr) -> bool {
    path.as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

fn pattern(path: &Path, inputs: &mut Vec<Input>, problems: &mut Vec<String>) {
    let shown = path.display();
    match path.to_str().map(glob::glob) {
        Some(Ok(found)) => {
            let found: Vec<PathBuf> = found.filter_map(Result::ok).collect();
            if found.is_empty() {
                problems.push(format!("no file matches {shown}"));
            }
            for path in found {
                match fs::metadata(&path).map(|metadata| metadata.file_type()) {
                    Ok(kind) if kind.is_dir() => folder(&path, inputs, problems),
                    // A pipe that is not named itself is not waited for.
                    Ok(kind) if !kind.is_file() => {}
                    _ => add(&path, inputs, problems),
                }
            }
        }
        Some(Err(error)) => problems.push(format!("{shown}: invalid pattern: {}", error.msg)),
        None => problems.push(format!("{shown} does not exist; check the spelling of the path")),
    }
}

/// The files of a directory and all below it that hold records, in the order of their names.
fn folder(path: &Path, inputs: &mut Vec<Input>, problems: &mut Vec<String>) {
    for entry in WalkDir::new(path).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() || entry.path_is_symlink() => {
                let path = entry.path();
                let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
                if is_file && (has_ending(entry.file_name()) || holds_records(path)) {
                    add(path, inputs, problems);
                }
            }
            Ok(_) => {}
            Err(error) => problems.push(format!("{error}; its contents are skipped")),
        }
    }
}

fn has_ending(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let plain = PACKED_ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(&name);
    ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Whether a file's first line looks like a record: logs may have any name.
fn holds_records(path: &Path) -> bool {
    let mut start = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    let Ok(reader) = unpack::reader(file) else { return false };
    if reader.take(PEEKED_BYTES).read_to_end(&mut start).is_err() {
        return false;
    }
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"{")
        && memchr::memmem::find(line, b"\"schema\"").is_some()
        && memchr::memmem::find(line, b"\"forkwatch/").is_some()
}

fn add(path: &Path, inputs: &mut Vec<Input>, problems: &mut Vec<String>) {
    match plain_size(path) {
        Ok(size) => inputs.push(Input {
            path: path.to_owned(),
            size,
        }),
        Err(error) => problems.push(unreadable(path, &error)),
    }
}

/// The size of a plain file that is not compressed. A pipe is not opened: its first bytes could be read only once.
fn plain_size(path: &Path) -> io::Result<Option<u64>> {
    let metadata = fs::metadata(path)?;
    if is_endless(metadata.mode(), metadata.rdev()) {
        return Err(io::Error::other(ENDLESS));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut start = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut start)?;
    // Files of /proc say that they are empty.
    Ok((!unpack::is_packed(&start) && metadata.len() > 0).then_some(metadata.len()))
}

const ENDLESS: &str = "it is a device without an end; name a file, a directory, a FIFO or `-`";

/// Whether it is a device but not a terminal. A FIFO ends when its writers do.
fn is_endless(mode: u32, device: u64) -> bool {
    match FileType::from_raw_mode(mode) {
        FileType::BlockDevice => true,
        FileType::CharacterDevice => !is_null(device) && !is_terminal(device),
        _ => false,
    }
}

/// `/dev/null`, which means no input.
fn is_null(device: u64) -> bool {
    (major(device), minor(device)) == (1, 3)
}

/// Consoles, serial lines and the two sides of pseudo-terminals: the numbers are the kernel's (devices.txt).
fn is_terminal(device: u64) -> bool {
    matches!(major(device), 4 | 5 | 136..=143 | 204)
}

fn endless(what: &str) -> String {
    format!("{what} cannot be read: {ENDLESS}")
}

/// Why a file cannot be read, in one sentence.
pub fn unreadable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            format!("{shown} does not exist; check the spelling of the path")
        }
        _ => format!("{shown} cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Input, find, has_ending};

    fn names(folder: &Path, inputs: &[Input]) -> Vec<String> {
        let name = |input: &Input| input.path.strip_prefix(folder).unwrap().display().to_string();
        inputs.iter().map(name).collect()
    }

    #[test]
    fn a_folder_gives_logs_and_whatever_looks_like_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("sub")).unwrap();
        fs::write(path.join("b.jsonl"), "x").unwrap();
        fs::write(path.join("a.log"), "").unwrap();
        fs::write(path.join("sub/4242"), "{\"time\":\"\",\"schema\":\"forkwatch/1\"}\n").unwrap();
        fs::write(path.join("notes.txt"), "schema forkwatch/1").unwrap();
        let named = [path.join("a.log"), path.to_owned()].map(std::path::PathBuf::into_os_string);
        let (inputs, problems) = find(&named);
        assert_eq!(names(path, &inputs), ["a.log", "b.jsonl", "sub/4242"]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(inputs[1].size, Some(1));
    }

    #[test]
    fn patterns_are_expanded_and_missing_files_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("one.x"), "1").unwrap();
        fs::write(path.join("two.x"), "2").unwrap();
        fs::write(path.join("[odd]"), "3").unwrap();
        let paths = ["*.x", "[odd]", "*.y", "gone"].map(|name| path.join(name).into_os_string());
        let socket = std::os::unix::net::UnixListener::bind(path.join("socket.x")).unwrap();
        let (inputs, problems) = find(&paths);
        drop(socket);
        assert_eq!(names(path, &inputs), ["one.x", "two.x", "[odd]"]);
        assert!(problems[0].starts_with("no file matches ") && problems[0].ends_with("*.y"));
        assert!(problems[1].ends_with("gone does not exist; check the spelling of the path"));
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn devices_without_an_end_are_refused() {
        let (inputs, problems) = find(&["/dev/zero".into(), "/dev/null".into()]);
        assert_eq!(names(Path::new("/"), &inputs), ["dev/null"]);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("/dev/zero cannot be read: it is a device"),
            "{problems:?}"
        );
    }

    #[test]
    fn endings() {
        for name in ["a.jsonl", "a.json.gz", "a.log.zst", ".log"] {
            assert!(has_ending(name.as_ref()), "{name}");
        }
        for name in ["a.gz", "log", "a.jsonl.bz2", "a.txt"] {
            assert!(!has_ending(name.as_ref()), "{name}");
        }
    }
}
