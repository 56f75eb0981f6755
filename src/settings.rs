//! The options given on the command line, checked, as the variables that the library reads.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use clap::ArgMatches;
use forkwatch_schema::destination::Destination;
use forkwatch_schema::options::{OPTIONS, OptionRow, Values};

use crate::message::Failure;

/// A variable of the library and its value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its row.
    pub row: &'static OptionRow,
    /// Its value, which the row accepts.
    pub value: OsString,
}

/// The settings from the options on the command line, in the order of the rows.
pub fn settings(matches: &ArgMatches) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    for row in OPTIONS {
        let flag = row.flag();
        // `env` has no flag for each row.
        let Ok(Some(value)) = matches.try_get_one::<OsString>(&flag) else {
            continue;
        };
        check(row, value)?;
        settings.push(Setting {
            row,
            value: value.clone(),
        });
    }
    Ok(settings)
}

/// Checks the value against its row. The library would use the default; the command stops.
fn check(row: &OptionRow, value: &OsStr) -> Result<(), Failure> {
    row.check(value.as_bytes())
        .map_err(|problem| Failure::usage(format!("--{}{problem}", row.flag())))
}

/// Checks that the suppression files can be read: a missing rule would be noticed too late. Each process of the tree reads
/// them again, which only works with a file.
pub fn check_files(settings: &[Setting]) -> Result<(), Failure> {
    let files = settings.iter().filter(|setting| setting.row.values == Values::Paths);
    let names = files.flat_map(|setting| {
        let flag = setting.row.flag();
        let names = setting.value.as_bytes().split(|&byte| byte == b':');
        names.map(move |name| (flag.clone(), name))
    });
    for (flag, name) in names.filter(|(_, name)| !name.is_empty()) {
        let path = Path::new(OsStr::from_bytes(name));
        let readable = fs::metadata(path)
            .map_err(|error| error.to_string())
            .and_then(|metadata| {
                let kind = metadata.file_type();
                match other_than_a_file(kind) {
                    Some(what) => Err(format!("it is {what}, and each process must read it again")),
                    None => File::open(path).map(drop).map_err(|error| error.to_string()),
                }
            });
        readable.map_err(|problem| {
            let shown = path.display();
            Failure::usage(format!("--{flag}={shown} cannot be read: {problem}; name a file"))
        })?;
    }
    Ok(())
}

/// The rules in a suppression file, or why it cannot be read.
pub fn read_rules(path: impl AsRef<Path>) -> Result<Vec<u8>, String> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    match other_than_a_file(metadata.file_type()) {
        Some(what) => Err(format!("it is {what}")),
        None => fs::read(path).map_err(|error| error.to_string()),
    }
}

/// What it is, if not a file.
pub fn other_than_a_file(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a directory"),
        kind if kind.is_fifo() => Some("a FIFO"),
        kind if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

/// Writes relative paths out from the directory where the command was given: each process of the tree reads the variables
/// itself, whatever its working directory is by then.
pub fn anchor(settings: &mut [Setting], folder: &Path) {
    let folder = folder.as_os_str().as_bytes();
    for setting in settings {
        let value = setting.value.as_bytes();
        let anchored = match setting.row.values {
            Values::Destination => match Destination::parse(value) {
                Ok(Destination::File(path)) => join(&doubled_percent(folder), &path),
                Ok(Destination::Socket(path)) => [b"unix:", &*join(&doubled_percent(folder), &path)].concat(),
                _ => continue,
            },
            Values::PathOr(words) if !words.iter().any(|word| word.as_bytes() == value) => {
                join(&doubled_percent(folder), value)
            }
            // A colon in the directory's own name would end the path there.
            Values::Paths if !folder.contains(&b':') => {
                let files = value.split(|&byte| byte == b':').map(|file| join(folder, file));
                files.collect::<Vec<_>>().join(&b':')
            }
            _ => continue,
        };
        setting.value = OsString::from_vec(anchored);
    }
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
    fn a_bad_value_is_reported_with_its_flag() {
        let strict = by_variable("FORKWATCH_STRICT").unwrap();
        let failure = check(strict, "thread".as_ref()).unwrap_err();
        assert_eq!(
            failure.sentence,
            "--strict=thread: invalid value; the nearest valid value is threads"
        );
        assert_eq!(failure.code, 2);
    }

    #[test]
    fn relative_paths_are_written_out() {
        let anchored = |variable: &'static str, value: &str| {
            let mut settings = [Setting {
                row: by_variable(variable).unwrap(),
                value: value.into(),
            }];
            anchor(&mut settings, "/a/50%".as_ref());
            settings[0].value.to_str().unwrap().to_owned()
        };
        assert_eq!(anchored("FORKWATCH_LOG", "%p.jsonl"), "/a/50%%/%p.jsonl");
        assert_eq!(anchored("FORKWATCH_LOG", "/x"), "/x");
        assert_eq!(anchored("FORKWATCH_LOG", "fd:3"), "fd:3");
        assert_eq!(anchored("FORKWATCH_TEXT", "off"), "off");
        assert_eq!(anchored("FORKWATCH_LOG", "unix:x"), "unix:/a/50%%/x");
        assert_eq!(anchored("FORKWATCH_LOG", "journald"), "journald");
        assert_eq!(anchored("FORKWATCH_TEXT", "out"), "/a/50%%/out");
        assert_eq!(anchored("FORKWATCH_SUPPRESS", "a:/b"), "/a/50%/a:/b");
    }
}
