//! The options given on the command line, checked, as the variables that the library reads.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use clap::ArgMatches;
use forkwatch_schema::options::{OPTIONS, OptionRow};

use crate::message::Failure;

/// A variable of the library and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub variable: &'static str,
    /// Its value, which the option row accepts.
    pub value: OsString,
}

/// The settings that the options on the command line ask for, in the order of the rows.
pub fn settings(matches: &ArgMatches) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    for row in OPTIONS {
        let Some(flag) = row.flag else { continue };
        let Some(value) = matches.get_one::<OsString>(flag) else {
            continue;
        };
        check(row, flag, value)?;
        settings.push(Setting {
            variable: row.variable,
            value: value.clone(),
        });
    }
    Ok(settings)
}

/// Lets the row judge the value. The library goes on with a default, and its sentence ends by saying so; the command stops,
/// and names the flag where the library names the variable.
fn check(row: &OptionRow, flag: &str, value: &OsStr) -> Result<(), Failure> {
    row.check(&value.to_string_lossy()).map_err(|sentence| {
        let fact = sentence.split("; using the default").next().unwrap_or_default();
        let said = fact.strip_prefix(row.variable).unwrap_or(fact);
        Failure::usage(format!("--{flag}{said}"))
    })
}

/// Checks that the suppression files can be read: a rule that is not in force is missed too late.
pub fn check_files(settings: &[Setting]) -> Result<(), Failure> {
    let files = settings
        .iter()
        .filter(|setting| setting.variable == "FORKWATCH_SUPPRESS");
    let names = files.flat_map(|setting| setting.value.as_bytes().split(|&byte| byte == b':'));
    for name in names.filter(|name| !name.is_empty()) {
        let path = Path::new(OsStr::from_bytes(name));
        // A pipe must not be opened here: its only reader is to be the program.
        let readable = fs::metadata(path).and_then(|metadata| match metadata.file_type() {
            kind if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
            kind if kind.is_file() => File::open(path).map(drop),
            _ => Ok(()),
        });
        readable.map_err(|error| {
            let shown = path.display();
            Failure::usage(format!("--suppress={shown} cannot be read: {error}; check the path"))
        })?;
    }
    Ok(())
}

/// Writes relative paths out from the folder where the command was given: each process of the tree reads the variables
/// anew, wherever it has gone in the meantime.
pub fn anchor(settings: &mut [Setting], folder: &Path) {
    for setting in settings {
        let value = setting.value.as_bytes();
        let anchored = match setting.variable {
            "FORKWATCH_LOG" if !is_log_word(value) => join(&doubled_percent(folder.as_os_str().as_bytes()), value),
            "FORKWATCH_TEXT" if !matches!(value, b"" | b"stderr" | b"off") => {
                join(folder.as_os_str().as_bytes(), value)
            }
            "FORKWATCH_SUPPRESS" => {
                let folder = folder.as_os_str().as_bytes();
                // A colon in the folder's own name would end the path there.
                if folder.contains(&b':') {
                    continue;
                }
                let files: Vec<_> = value
                    .split(|&byte| byte == b':')
                    .map(|file| join(folder, file))
                    .collect();
                files.join(&b':')
            }
            _ => continue,
        };
        setting.value = OsString::from_vec(anchored);
    }
}

/// Whether a value of `--log` names something other than a file.
fn is_log_word(value: &[u8]) -> bool {
    value.is_empty() || value == b"journald" || value.starts_with(b"fd:") || value.starts_with(b"unix:")
}

/// In a log's path a percent sign begins `%p` and its like.
fn doubled_percent(folder: &[u8]) -> Vec<u8> {
    folder
        .iter()
        .flat_map(|&byte| std::iter::repeat_n(byte, if byte == b'%' { 2 } else { 1 }))
        .collect()
}

fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return Vec::new();
    }
    let joined = Path::new(OsStr::from_bytes(folder)).join(OsStr::from_bytes(path));
    joined.into_os_string().into_vec()
}

#[cfg(test)]
mod tests {
    use super::{Setting, anchor, check};
    use forkwatch_schema::options::by_variable;

    #[test]
    fn a_bad_value_is_told_in_the_words_of_the_command_line() {
        let strict = by_variable("FORKWATCH_STRICT").unwrap();
        let failure = check(strict, "strict", "thread".as_ref()).unwrap_err();
        assert_eq!(
            failure.sentence,
            "--strict=thread is no valid value; the nearest is threads"
        );
        assert_eq!(failure.code, 2);
    }

    #[test]
    fn relative_paths_are_written_out() {
        let anchored = |variable: &'static str, value: &str| {
            let mut settings = [Setting {
                variable,
                value: value.into(),
            }];
            anchor(&mut settings, "/a/50%".as_ref());
            settings[0].value.to_str().unwrap().to_owned()
        };
        assert_eq!(anchored("FORKWATCH_LOG", "%p.jsonl"), "/a/50%%/%p.jsonl");
        assert_eq!(anchored("FORKWATCH_LOG", "/x"), "/x");
        assert_eq!(anchored("FORKWATCH_LOG", "fd:3"), "fd:3");
        assert_eq!(anchored("FORKWATCH_TEXT", "off"), "off");
        assert_eq!(anchored("FORKWATCH_TEXT", "out"), "/a/50%/out");
        assert_eq!(anchored("FORKWATCH_SUPPRESS", "a:/b"), "/a/50%/a:/b");
    }
}
