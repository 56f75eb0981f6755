//! Where records go: the values of `FORKWATCH_LOG`, read the same way by the library, the command and the Python package's
//! plugin.

use std::fmt::{self, Display};

use crate::log_path::{Marks, expand};
use crate::nearest::nearest;

/// The destinations with a keyword, as written; anything else is a path.
pub const FORMS: &[&str] = &["journald", "unix:PATH", "fd:N"];

/// One value of `FORKWATCH_LOG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file or FIFO; its path may have marks for the process that writes (`%p`).
    File(Vec<u8>),
    /// A descriptor that the program was started with.
    Descriptor(u16),
    /// A datagram socket, marks in its path as in a file's.
    Socket(Vec<u8>),
    /// The journal of systemd.
    Journal,
}

impl Destination {
    /// Reads a value. The error says what is wrong with it, and follows the option's name and value.
    pub fn parse(value: &[u8]) -> Result<Self, String> {
        if value == b"journald" {
            return Ok(Self::Journal);
        }
        if let Some(number) = descriptor_of(value) {
            return Ok(Self::Descriptor(number));
        }
        let scheme = value.iter().position(|&byte| byte == b':');
        let Some((scheme, rest)) = scheme.and_then(|colon| value.split_at_checked(colon)) else {
            return Ok(Self::File(value.to_vec()));
        };
        let rest = rest.get(1..).unwrap_or_default();
        match scheme {
            b"fd" => match str::from_utf8(rest).ok().and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Self::Descriptor(number)),
                None => Err("fd:N takes the number of an open descriptor".to_owned()),
            },
            b"unix" if rest.is_empty() => Err("unix:PATH takes the path of a datagram socket".to_owned()),
            b"unix" => Ok(Self::Socket(rest.to_vec())),
            // A path with a colon further on.
            _ if scheme.contains(&b'/') => Ok(Self::File(value.to_vec())),
            _ => {
                let scheme = String::from_utf8_lossy(scheme);
                let known = FORMS.iter().map(|form| form.split(':').next().unwrap_or(form));
                let nearest = nearest(&scheme, known).unwrap_or_default();
                let form = FORMS.iter().find(|form| form.starts_with(nearest)).unwrap_or(&"");
                Err(format!(
                    "unknown destination '{scheme}:'; the nearest is {form}; for a file of that name, write ./{}",
                    String::from_utf8_lossy(value)
                ))
            }
        }
    }

    /// The path that it means in this process, if it is one.
    pub fn path(&self, marks: Marks<'_>) -> Option<Vec<u8>> {
        match self {
            Self::File(path) | Self::Socket(path) => Some(expand(path, marks)),
            Self::Descriptor(_) | Self::Journal => None,
        }
    }
}

/// The descriptor that a path means: `/dev/stderr` and its like are symbolic links, which are not followed otherwise.
pub fn descriptor_of(path: &[u8]) -> Option<u16> {
    match path {
        b"/dev/stdout" => return Some(1),
        b"/dev/stderr" => return Some(2),
        _ => {}
    }
    let folders: [&[u8]; 2] = [b"/dev/fd/", b"/proc/self/fd/"];
    let number = folders.iter().find_map(|folder| path.strip_prefix(*folder))?;
    str::from_utf8(number).ok()?.parse().ok()
}

/// As written.
impl Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", String::from_utf8_lossy(path)),
            Self::Descriptor(number) => write!(out, "fd:{number}"),
            Self::Socket(path) => write!(out, "unix:{}", String::from_utf8_lossy(path)),
            Self::Journal => write!(out, "journald"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, descriptor_of};

    #[test]
    fn paths_of_descriptors_are_descriptors() {
        let parse = |value: &str| Destination::parse(value.as_bytes()).unwrap();
        assert_eq!(parse("/dev/stderr"), Destination::Descriptor(2));
        assert_eq!(parse("/dev/fd/7"), Destination::Descriptor(7));
        assert_eq!(descriptor_of(b"/proc/self/fd/0"), Some(0));
        for path in ["/dev/fd/x", "/dev/fd/", "/dev/stderr.log", "/proc/1/fd/2"] {
            assert_eq!(parse(path), Destination::File(path.as_bytes().to_vec()));
        }
    }

    #[test]
    fn every_form_is_read() {
        let parse = |value: &str| {
            let parsed = Destination::parse(value.as_bytes()).unwrap();
            assert_eq!(parsed.to_string(), value);
            parsed
        };
        assert_eq!(parse("journald"), Destination::Journal);
        assert_eq!(parse("fd:3"), Destination::Descriptor(3));
        assert_eq!(parse("unix:/run/x"), Destination::Socket(b"/run/x".to_vec()));
        for path in ["/tmp/a:b", "log.jsonl", "./fd:x", "journald.log", "%p"] {
            assert_eq!(parse(path), Destination::File(path.as_bytes().to_vec()));
        }
    }

    #[test]
    fn a_misspelt_form_is_no_file() {
        let wrong = |value: &str| Destination::parse(value.as_bytes()).unwrap_err();
        assert_eq!(
            wrong("df:3"),
            "unknown destination 'df:'; the nearest is fd:N; for a file of that name, write ./df:3"
        );
        assert!(wrong("unx:/run/x").contains("the nearest is unix:PATH"));
        assert!(wrong("journal:").contains("the nearest is journald"));
        assert!(wrong("fd:x").starts_with("fd:N takes") && wrong("unix:").starts_with("unix:PATH takes"));
    }
}
