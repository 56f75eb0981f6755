//! Programs that capture the output of what they run, so that a report on standard error would be lost: `run` then stays their
//! parent, and ends with a summary.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::memmem;

use super::watchable::Program;

/// Test runners, by their file names or as Python's modules.
const RUNNERS: &[&str] = &[
    "bazel",
    "cargo",
    "cargo-nextest",
    "ctest",
    "meson",
    "nose2",
    "nox",
    "prove",
    "py.test",
    "pytest",
    "rspec",
    "tox",
    "unittest",
];

/// Marks in programs that are linked with a test framework: googletest's death tests move their standard error.
const FRAMEWORKS: &[&[u8]] = &[b"gtest_death_test_style", b"libgtest.so"];

/// Set by the plugin of pytest when it restarts itself as `run`: the process id, a colon, and what is its own.
const PYTEST_RESTARTS: &str = "_FORKWATCH_PYTEST";

/// Whether this program captures output, and does not show the reports itself.
pub fn output(program: &Program) -> bool {
    // The plugin shows them, and knows by its process id that it has been restarted: with a parent it would restart for ever.
    if std::env::var_os(PYTEST_RESTARTS).is_some_and(|value| is_of(&value, std::process::id())) {
        return false;
    }
    is_runner(&program.path, &program.arguments) || has_framework(&program.path).unwrap_or(false)
}

fn is_of(value: &OsStr, pid: u32) -> bool {
    value.as_bytes().starts_with(format!("{pid}:").as_bytes())
}

fn is_runner(path: &Path, arguments: &[OsString]) -> bool {
    let is_known = |name: &OsStr| RUNNERS.iter().any(|runner| OsStr::new(runner) == name);
    let Some(name) = path.file_name() else { return false };
    if is_known(name) {
        return true;
    }
    if !name.as_bytes().starts_with(b"python") {
        return false;
    }
    let mut words = arguments.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_bytes() {
            b"-m" => return words.next().is_some_and(|module| is_known(module)),
            // Python's options that take the next word.
            b"-W" | b"-X" => {
                words.next();
            }
            [b'-', ..] => {}
            _ => return Path::new(word).file_name().is_some_and(is_known),
        }
    }
    false
}

fn has_framework(path: &Path) -> io::Result<bool> {
    const PIECE: usize = 1 << 20;
    let finders = FRAMEWORKS.iter().map(memmem::Finder::new).collect::<Vec<_>>();
    let longest = FRAMEWORKS.iter().map(|text| text.len()).max().unwrap_or(0);
    let mut file = File::open(path)?;
    let mut piece = Vec::with_capacity(PIECE + longest);
    loop {
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(false);
        }
        if finders.iter().any(|finder| finder.find(&piece).is_some()) {
            return Ok(true);
        }
        // A mark may span two pieces.
        let kept = piece.len().saturating_sub(longest);
        piece.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::path::Path;

    use super::{has_framework, is_of, is_runner};

    #[test]
    fn a_plugin_that_restarts_itself_is_known_by_its_process_id() {
        assert!(is_of("42:/tmp/folder:/tmp/log".as_ref(), 42));
        assert!(!is_of("42:/tmp/folder:/tmp/log".as_ref(), 4));
        assert!(!is_of("42".as_ref(), 42));
    }

    #[test]
    fn runners_are_known_by_name_and_as_modules() {
        let runs = |words: &[&str]| {
            let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
            is_runner(Path::new(words[0]), &arguments)
        };
        for words in [
            &["/usr/bin/pytest", "-q"][..],
            &["ctest"],
            &["/usr/bin/python3.11", "-m", "pytest"],
            &["python3", "-X", "dev", "-m", "unittest"],
            &["python3", "-u", "/env/bin/pytest"],
        ] {
            assert!(runs(words), "{words:?}");
        }
        for words in [
            &["python3", "app.py", "-m", "pytest"][..],
            &["sh", "-c", "pytest"],
            &["python3"],
        ] {
            assert!(!runs(words), "{words:?}");
        }
    }

    #[test]
    fn a_framework_is_found_across_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let mut bytes = vec![0; (1 << 20) - 5];
        fs::write(&path, &bytes).unwrap();
        assert!(!has_framework(&path).unwrap());
        bytes.extend_from_slice(b"gtest_death_test_style");
        fs::write(&path, &bytes).unwrap();
        assert!(has_framework(&path).unwrap());
    }
}
