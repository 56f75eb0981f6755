//! Which program the kernel starts for a script, read from its first line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The kernel reads this much of a file to recognise its format (`BINPRM_BUF_SIZE`).
pub const HEAD: usize = 256;

/// What a `#!` line names.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program that the kernel starts.
    pub path: PathBuf,
    /// The name that `env` looks up, where the interpreter is `env`.
    pub by_env: Option<OsString>,
}

/// Reads the `#!` line; `None` where the file has none, or it names nothing.
pub fn interpreter(head: &[u8]) -> Option<Interpreter> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let mut words = line
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    let path = PathBuf::from(OsStr::from_bytes(words.next()?));
    let is_env = path.file_name() == Some(OsStr::new("env"));
    let by_env = if is_env { looked_up(words) } else { None };
    Some(Interpreter { path, by_env })
}

/// The program in `env`'s arguments. With options other than `-S`, nothing is known.
fn looked_up<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<OsString> {
    let name = words
        .map(|word| word.strip_prefix(b"-S").unwrap_or(word))
        .find(|word| !word.is_empty() && !word.contains(&b'='))?;
    (!name.starts_with(b"-")).then(|| OsStr::from_bytes(name).to_owned())
}

/// Whether a file without `#!` can be meant for the shell, which execvp(3) then starts: a text has no zero byte.
pub fn is_text(head: &[u8]) -> bool {
    !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::{Interpreter, interpreter};

    fn read(line: &str) -> Option<(String, Option<String>)> {
        let Interpreter { path, by_env } = interpreter(line.as_bytes())?;
        Some((
            path.display().to_string(),
            by_env.map(|name| name.to_string_lossy().into_owned()),
        ))
    }

    #[test]
    fn the_kernels_own_form() {
        assert_eq!(read("#!/bin/sh\necho"), Some(("/bin/sh".into(), None)));
        assert_eq!(
            read("#! /usr/bin/python3 -E\n"),
            Some(("/usr/bin/python3".into(), None))
        );
        assert_eq!(read("#!\n"), None);
        assert_eq!(read("echo"), None);
    }

    #[test]
    fn env_is_looked_through() {
        let env = |name: Option<&str>| Some(("/usr/bin/env".to_owned(), name.map(str::to_owned)));
        assert_eq!(read("#!/usr/bin/env python3\n"), env(Some("python3")));
        assert_eq!(read("#!/usr/bin/env -S A=1 perl -w\n"), env(Some("perl")));
        assert_eq!(read("#!/usr/bin/env -Sperl -w\n"), env(Some("perl")));
        assert_eq!(read("#!/usr/bin/env -i perl\n"), env(None));
    }
}
