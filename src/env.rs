//! `forkwatch env`: the variables as lines for a shell or a Dockerfile.

use std::env::current_dir;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use clap::ArgMatches;

use crate::message::{self, Failure};
use crate::settings::{anchor, check_files, settings};
use crate::{exit_codes, run};

/// Prints the lines.
pub fn print(matches: &ArgMatches) -> Result<u8, Failure> {
    let mut settings = settings(matches)?;
    let dockerfile = matches
        .get_one::<String>("format")
        .is_some_and(|format| format == "dockerfile");
    // A relative path in a Dockerfile is one of the image's, not of this directory.
    if !dockerfile && let Ok(folder) = current_dir() {
        anchor(&mut settings, &folder);
    }
    if !dockerfile {
        check_files(&settings)?;
    }
    let variables = run::variables(Some(&run::library()?), &settings, None);
    let mut lines = Vec::new();
    if dockerfile {
        lines.extend_from_slice(
            b"# Copy the library, which `forkwatch install --to DIR` writes, to this path in the image.\n",
        );
    }
    for (name, value) in variables {
        if dockerfile {
            dockerfile_line(&mut lines, &name, &value)?;
        } else {
            shell_line(&mut lines, &name, &value);
        }
    }
    message::print(&lines)?;
    Ok(exit_codes::OK)
}

/// In single quotes a shell reads everything as it is; a single quote itself is put between two such strings.
fn shell_line(lines: &mut Vec<u8>, name: &OsStr, value: &OsStr) {
    lines.extend_from_slice(b"export ");
    lines.extend_from_slice(name.as_bytes());
    lines.extend_from_slice(b"='");
    for &byte in value.as_bytes() {
        match byte {
            b'\'' => lines.extend_from_slice(br"'\''"),
            _ => lines.push(byte),
        }
    }
    lines.extend_from_slice(b"'\n");
}

/// In double quotes a Dockerfile still expands `$` and takes `\` as its escape; a line break cannot be written at all.
fn dockerfile_line(lines: &mut Vec<u8>, name: &OsStr, value: &OsStr) -> Result<(), Failure> {
    lines.extend_from_slice(b"ENV ");
    lines.extend_from_slice(name.as_bytes());
    lines.extend_from_slice(b"=\"");
    for &byte in value.as_bytes() {
        match byte {
            b'\n' | b'\r' => {
                return Err(Failure::usage(format!(
                    "the value of {} contains a line break, which a Dockerfile cannot express; remove it",
                    name.to_string_lossy()
                )));
            }
            b'"' | b'\\' | b'$' => lines.extend_from_slice(&[b'\\', byte]),
            _ => lines.push(byte),
        }
    }
    lines.extend_from_slice(b"\"\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{dockerfile_line, shell_line};

    #[test]
    fn a_shell_line_survives_quotes() {
        let mut lines = Vec::new();
        shell_line(&mut lines, "A".as_ref(), "it's $HOME".as_ref());
        assert_eq!(lines, b"export A='it'\\''s $HOME'\n");
    }

    #[test]
    fn a_dockerfile_line_expands_nothing() {
        let mut lines = Vec::new();
        dockerfile_line(&mut lines, "A".as_ref(), "a\"$B\\".as_ref()).unwrap();
        assert_eq!(lines, b"ENV A=\"a\\\"\\$B\\\\\"\n");
        assert!(dockerfile_line(&mut lines, "A".as_ref(), "a\nb".as_ref()).is_err());
    }
}
