//! Which file a program's name means, by the rules of execvp(3).

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::exit_codes::{NOT_EXECUTABLE, NOT_FOUND};
use crate::message::Failure;

/// Where execvp(3) looks when `PATH` is unset.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Finds the file to execute.
pub fn find(name: &OsStr) -> Result<PathBuf, Failure> {
    if name.is_empty() {
        return Err(Failure::new(
            NOT_FOUND,
            "the program's name is empty; name the program to run",
        ));
    }
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        examine(&path)?;
        return Ok(path);
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    let mut denied = None;
    for folder in env::split_paths(&path) {
        // An empty entry is the current directory, and the result must contain a slash, or it would be searched in PATH again.
        let candidate = if folder.as_os_str().is_empty() {
            Path::new(".").join(name)
        } else {
            folder.join(name)
        };
        match examine(&candidate) {
            Ok(()) => return Ok(candidate),
            // As execvp(3): a file that may not be executed does not end the search, but is remembered. Unlike there, a directory
            // that we may not search is ignored: the shells, too, then say "not found".
            Err(failure) if failure.code == NOT_EXECUTABLE && candidate.exists() => denied = denied.or(Some(failure)),
            Err(_) => {}
        }
    }
    let name = name.to_string_lossy();
    Err(denied.unwrap_or_else(|| {
        Failure::new(
            NOT_FOUND,
            format!("{name} was not found in PATH; check the spelling or give its full path"),
        )
    }))
}

/// Checks that a file exists and may be executed.
fn examine(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Failure::new(
            NOT_FOUND,
            format!("{shown} does not exist; check the spelling of the path"),
        ),
        _ => Failure::new(NOT_EXECUTABLE, format!("{shown} cannot be reached: {error}")),
    })?;
    if metadata.is_dir() {
        return Err(Failure::new(
            NOT_EXECUTABLE,
            format!("{shown} is a directory; name the program inside it"),
        ));
    }
    if !metadata.is_file() || access(path, Access::EXEC_OK).is_err() {
        return Err(Failure::new(
            NOT_EXECUTABLE,
            format!("{shown} is not executable; run `chmod +x` on it, or put its interpreter in front of it"),
        ));
    }
    Ok(())
}
