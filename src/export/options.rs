//! What the flags of `forkwatch export` say, checked.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use forkwatch_schema::kind::Severity;

use super::format::{Exporter, FORMATS, Format};
use super::http::{Address, Http};
use super::id::Id;
use super::select::Selection;
use crate::message::Failure;
use crate::report::read::inputs::unreadable;

/// How long a receiver may be away.
const PATIENCE: Duration = Duration::from_secs(300);

/// The options but for the paths and the selection.
#[derive(Debug)]
pub struct Options {
    /// The row of the format.
    pub format: &'static Format,
    /// Where to send.
    pub to: Option<String>,
    /// The same without a name and a password, to be shown.
    pub receiver: Option<String>,
    /// Whether to go on at the end.
    pub follows: bool,
    /// Where the positions are kept; `None` if they are not.
    pub positions: Option<PathBuf>,
    /// What they are about.
    pub purpose: String,
    /// The most records that are sent together.
    pub together: usize,
    /// How long the receiver may be away; `None` for ever.
    pub patience: Option<Duration>,
    headers: Vec<(String, String)>,
}

impl Options {
    /// Reads them.
    pub fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let name = matches.get_one::<String>("format").expect("clap asks for a format");
        let format = FORMATS
            .iter()
            .find(|format| format.name == name)
            .expect("clap accepts only these");
        let to = matches.get_one::<String>("to").cloned();
        let follows = matches.get_flag("follow");
        let receiver = to.as_deref().map(without_user);
        let purpose = receiver.as_deref().map_or(String::new(), |receiver| {
            format!("{name} to {receiver}{}", Selection::key(matches))
        });
        let positions = match (&to, matches.get_one::<OsString>("positions")) {
            (None, _) => None,
            (Some(_), Some(path)) if path == "none" => None,
            (Some(_), Some(path)) => Some(PathBuf::from(path)),
            (Some(_), None) => Some(usual_path(&purpose)?),
        };
        let given = matches.get_one::<u32>("batch").map(|&batch| batch as usize);
        let patience = matches.get_one::<Duration>("patience").copied();
        Ok(Self {
            format,
            to,
            receiver,
            follows,
            positions,
            purpose,
            together: given.map_or(format.together, |given| given.min(format.together)),
            patience: patience.or((!follows).then_some(PATIENCE)),
            headers: headers(matches)?,
        })
    }

    /// The format with its receiver.
    pub fn exporter(&self) -> Result<Box<dyn Exporter>, Failure> {
        if self.follows && self.to.is_none() && self.format.name == "prometheus" {
            return Err(Failure::usage(
                "--follow with --format prometheus has no end at which to print the counts; give --to",
            ));
        }
        (self.format.make)(self.to.as_deref(), Http::new(self.headers.clone()))
    }

    /// What explains that records were not selected, where the user has not asked for it.
    pub fn hint(&self, matches: &ArgMatches) -> &'static str {
        let is_own = self.format.least > Severity::Info && !matches.contains_id("severity");
        if is_own {
            " (INFO is sent with --severity info)"
        } else {
            ""
        }
    }
}

/// An address without its name and password; other texts as they are.
fn without_user(to: &str) -> String {
    match Address::parse(to) {
        Some(address) if address.path == "/" => address.url,
        Some(address) => address.with_path(&address.path),
        None => to.to_owned(),
    }
}

fn headers(matches: &ArgMatches) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for value in matches.get_many::<OsString>("header").into_iter().flatten() {
        match value.as_bytes().strip_prefix(b"@") {
            Some(path) => {
                let path = OsStr::from_bytes(path);
                let text = fs::read_to_string(path)
                    .map_err(|error| Failure::usage(format!("--header: {}", unreadable(path.as_ref(), &error))))?;
                for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                    let place = format!("{}:{}", path.display(), number + 1);
                    headers.push(header(line).ok_or_else(|| not_a_header(&place))?);
                }
            }
            // The value may be a password: it is not repeated.
            None => headers.push(
                value
                    .to_str()
                    .and_then(header)
                    .ok_or_else(|| not_a_header("--header"))?,
            ),
        }
    }
    Ok(headers)
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    let name = ureq::http::HeaderName::try_from(name).ok()?;
    ureq::http::HeaderValue::try_from(value).ok()?;
    Some((name.to_string(), value.to_owned()))
}

fn not_a_header(place: &str) -> Failure {
    Failure::usage(format!("{place}: not a header; write it as NAME:VALUE"))
}

/// Where the positions are kept unless the user says where.
fn usual_path(purpose: &str) -> Result<PathBuf, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd's for a unit with StateDirectory=; of several, the first.
    let of_unit = env::var("STATE_DIRECTORY").ok();
    let of_unit = of_unit.and_then(|list| {
        list.split(':')
            .next()
            .filter(|first| !first.is_empty())
            .map(PathBuf::from)
    });
    let of_user = || {
        let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
        Some(state.join("forkwatch"))
    };
    let folder = of_unit.or_else(of_user).ok_or_else(|| {
        Failure::usage(
            "HOME is not set, so that there is no usual place for the positions; name a file with --positions",
        )
    })?;
    let id = Id::of(purpose.as_bytes()).to_string();
    Ok(folder.join(format!("export-{}.json", &id[..12])))
}

#[cfg(test)]
mod tests {
    use super::{header, without_user};

    #[test]
    fn headers_have_a_name_and_a_value() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(
            header("Authorization: ApiKey a:b="),
            pair("authorization", "ApiKey a:b=")
        );
        assert_eq!(
            (header("no colon"), header("a b: c"), header("a: b\r\nc: d")),
            (None, None, None)
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_user("https://me:secret@h:1/x?y"), "https://h:1/x?y");
        assert_eq!(without_user("http://h:4318/"), "http://h:4318");
        assert_eq!(without_user("/var/lib/x.prom"), "/var/lib/x.prom");
    }
}
