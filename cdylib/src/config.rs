//! What the user asked for: the options' values, read once from the environment.
//!
//! Nothing here stops a program: an unknown name or a bad value becomes a complaint, and the default is used.
#![expect(unsafe_code, reason = "a list of C strings")]

use core::ffi::CStr;

use forkwatch_schema::destination::{Destination, descriptor_of};
use forkwatch_schema::options::{OptionRow, PREFIX, SPAWN_CHECK, Values, by_variable, unknown_variable};
use forkwatch_schema::programs::Programs;
use forkwatch_schema::run_folder::{RUN_FOLDER, RunFolder};
use forkwatch_schema::unsafe_functions::{Audit, words};
use once_cell::race::OnceBox;

use crate::system::environment;

/// When a fork is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strict {
    /// Never.
    Off,
    /// When another thread is alive.
    Threads,
    /// When another thread also holds a lock.
    Locks,
    /// At the child's first proven violation.
    Child,
}

/// How a fork is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the record, then SIGABRT.
    Abort,
    /// `fork` returns -1 with `errno` = `EDEADLK`.
    Fail,
    /// End the process with this status.
    Exit(u8),
}

/// How much is kept of the stack that acquires a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stacks {
    /// Up to [`Config::depth`] frames.
    Full,
    /// The return address alone.
    Caller,
    /// Nothing.
    Off,
}

/// Which names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// Functions, and file and line where debug information can be read in a few milliseconds.
    Quick,
    /// Functions, and file and line where debug information exists.
    Full,
    /// Functions.
    Names,
    /// Nothing: only addresses.
    Off,
}

/// The values of all options.
#[derive(Debug)]
pub struct Config {
    /// `FORKWATCH_STRICT`.
    pub strict: Strict,
    /// `FORKWATCH_ACTION`.
    pub action: Action,
    /// `FORKWATCH_LOG`.
    pub log: Option<Destination>,
    /// `FORKWATCH_TEXT`.
    pub text: Vec<u8>,
    /// `FORKWATCH_FORMAT=line`.
    pub in_lines: bool,
    /// `FORKWATCH_PROGRAMS`; `None` for all.
    pub programs: Option<Programs>,
    /// `FORKWATCH_STACKS`.
    pub stacks: Stacks,
    /// `FORKWATCH_DEPTH`, in frames.
    pub depth: usize,
    /// `FORKWATCH_REPEAT=all`.
    pub repeat_all: bool,
    /// `FORKWATCH_SUPPRESS`, the files in order.
    pub suppress: Vec<Vec<u8>>,
    /// `FORKWATCH_CONTEXT`.
    pub context: Option<Vec<u8>>,
    /// `FORKWATCH_SYMBOLS`.
    pub symbols: Symbols,
    /// `FORKWATCH_SERVICE`, else `OTEL_SERVICE_NAME`.
    pub service: Option<Vec<u8>>,
    /// `FORKWATCH_PYTHON=on`.
    pub python: bool,
    /// `FORKWATCH_PREDICT=on`.
    pub predict: bool,
    /// `FORKWATCH_AUDIT`.
    pub audit: Audit,
    /// `FORKWATCH_GUARD`, the globs in order.
    pub guard: Vec<String>,
    /// `FORKWATCH_SETTLE`, in milliseconds; 0 for `off`.
    pub settle: u32,
    /// `FORKWATCH_ARGV=on`.
    pub argv: bool,
    /// Colour is not forbidden by `NO_COLOR`.
    pub colour_allowed: bool,
    /// `HOME`, to shorten paths in the report.
    pub home: Option<String>,
    /// The folder of the `forkwatch run` above; private between the command and the library.
    pub run_folder: Option<RunFolder>,
    /// What was wrong with the options, a sentence each.
    pub complaints: Vec<String>,
}

static CONFIG: OnceBox<Config> = OnceBox::new();

/// The configuration, read on first use. Two threads that race both read it, and one result wins.
pub fn get() -> &'static Config {
    CONFIG.get_or_init(|| Box::new(from_variables(environment())))
}

/// Every variable of the environment. Only called before the program can change it from another thread, or in a forked child.
fn environment() -> impl Iterator<Item = (&'static [u8], &'static [u8])> {
    let mut next = environment::list();
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: `next` lies within the list, whose last entry is null.
        let entry = unsafe { *next };
        if entry.is_null() {
            return None;
        }
        // SAFETY: the entry just read was not the last, so one more follows.
        next = unsafe { next.add(1) };
        // SAFETY: entries are strings that end with NUL.
        Some(unsafe { CStr::from_ptr(entry) }.to_bytes())
    })
    .filter_map(|entry| {
        let equals = entry.iter().position(|&byte| byte == b'=')?;
        Some((entry.get(..equals)?, entry.get(equals + 1..)?))
    })
}

/// The present value of an environment variable; `None` where it is not set.
pub fn environment_variable(name: &[u8]) -> Option<Vec<u8>> {
    environment()
        .find(|(variable, _)| *variable == name)
        .map(|(_, value)| value.to_vec())
}

/// The values that these variables give.
pub fn from_variables<'a>(variables: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Config {
    let mut config = Config {
        strict: Strict::Off,
        action: Action::Abort,
        log: None,
        text: b"stderr".to_vec(),
        in_lines: false,
        programs: None,
        stacks: Stacks::Full,
        depth: 16,
        repeat_all: false,
        suppress: Vec::new(),
        context: None,
        symbols: Symbols::Quick,
        service: None,
        python: true,
        predict: true,
        audit: Audit::Off,
        guard: Vec::new(),
        settle: 0,
        argv: true,
        colour_allowed: true,
        home: None,
        run_folder: None,
        complaints: Vec::new(),
    };
    let mut general_service = None;
    for (name, value) in variables {
        match name {
            b"NO_COLOR" => config.colour_allowed = value.is_empty(),
            b"HOME" => config.home = String::from_utf8(value.to_vec()).ok().filter(|home| home.len() > 1),
            b"OTEL_SERVICE_NAME" => general_service = Some(value.to_vec()),
            _ if name == RUN_FOLDER.as_bytes() => config.run_folder = RunFolder::parse(value),
            _ if name == SPAWN_CHECK.as_bytes() => {}
            _ if name.starts_with(PREFIX.as_bytes()) => config.take(&String::from_utf8_lossy(name), value),
            _ => {}
        }
    }
    config.service = config.service.or(general_service).filter(|name| !name.is_empty());
    config
}

impl Config {
    /// Whether records are read later: from the log, or by the `forkwatch run` above.
    pub fn keeps_records(&self) -> bool {
        self.log.is_some() || self.run_folder.is_some()
    }

    /// Takes one of our variables. An empty value counts as unset, as for most tools, where it can mean nothing else.
    fn take(&mut self, name: &str, value: &[u8]) {
        let Some(row) = by_variable(name) else {
            self.complaints.push(unknown_variable(name));
            return;
        };
        if value.is_empty() && row.values != Values::Programs {
            return;
        }
        let word = String::from_utf8_lossy(value);
        if let Err(complaint) = row.check_or_default(value) {
            self.complaints.push(complaint);
            return;
        }
        self.set(row, &word, value);
    }

    fn set(&mut self, row: &OptionRow, word: &str, value: &[u8]) {
        match (row.variable, word) {
            ("FORKWATCH_STRICT", "threads" | "1" | "on") => self.strict = Strict::Threads,
            ("FORKWATCH_STRICT", "locks") => self.strict = Strict::Locks,
            ("FORKWATCH_STRICT", "child") => self.strict = Strict::Child,
            ("FORKWATCH_ACTION", "fail") => self.action = Action::Fail,
            ("FORKWATCH_ACTION", word) => {
                if let Some(status) = word.strip_prefix("exit:").and_then(|number| number.parse().ok()) {
                    self.action = Action::Exit(status);
                }
            }
            ("FORKWATCH_LOG", _) => self.log = Destination::parse(value).ok(),
            // Only the library knows whether descriptor 2 is still what it was.
            ("FORKWATCH_TEXT", _) if descriptor_of(value) == Some(2) => self.text = b"stderr".to_vec(),
            ("FORKWATCH_TEXT", _) => self.text = value.to_vec(),
            ("FORKWATCH_FORMAT", word) => self.in_lines = word == "line",
            ("FORKWATCH_PROGRAMS", word) => self.programs = Programs::parse(word).ok(),
            ("FORKWATCH_STACKS", "caller") => self.stacks = Stacks::Caller,
            ("FORKWATCH_STACKS", "off") => self.stacks = Stacks::Off,
            ("FORKWATCH_DEPTH", word) => self.depth = word.parse().unwrap_or(self.depth),
            ("FORKWATCH_REPEAT", word) => self.repeat_all = word == "all",
            ("FORKWATCH_SUPPRESS", _) => {
                self.suppress = value
                    .split(|&byte| byte == b':')
                    .filter(|file| !file.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect();
            }
            ("FORKWATCH_CONTEXT", _) => self.context = Some(value.to_vec()),
            ("FORKWATCH_SYMBOLS", "full") => self.symbols = Symbols::Full,
            ("FORKWATCH_SYMBOLS", "names") => self.symbols = Symbols::Names,
            ("FORKWATCH_SYMBOLS", "off") => self.symbols = Symbols::Off,
            ("FORKWATCH_SERVICE", _) => self.service = Some(value.to_vec()),
            ("FORKWATCH_PYTHON", word) => self.python = word == "on",
            ("FORKWATCH_PREDICT", word) => self.predict = word == "on",
            ("FORKWATCH_AUDIT", word) => self.audit = Audit::parse(word).unwrap_or_default(),
            ("FORKWATCH_GUARD", word) => self.guard = words(word).map(str::to_owned).collect(),
            ("FORKWATCH_SETTLE", "on") => self.settle = 100,
            ("FORKWATCH_SETTLE", word) => self.settle = word.parse().unwrap_or(0),
            ("FORKWATCH_ARGV", word) => self.argv = word == "on",
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Config, Destination, Stacks, Strict, Symbols, from_variables};

    fn read(variables: &[(&str, &str)]) -> Config {
        from_variables(
            variables
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        )
    }

    #[test]
    fn nothing_given_gives_the_defaults() {
        let config = read(&[("PATH", "/bin")]);
        assert_eq!(
            (config.strict, config.action, config.depth),
            (Strict::Off, Action::Abort, 16)
        );
        assert_eq!((config.stacks, config.symbols), (Stacks::Full, Symbols::Quick));
        assert!(config.complaints.is_empty() && config.log.is_none() && config.argv);
    }

    #[test]
    fn every_value_is_taken() {
        let config = read(&[
            ("FORKWATCH_STRICT", "1"),
            ("FORKWATCH_ACTION", "exit:9"),
            ("FORKWATCH_LOG", "fd:7"),
            ("FORKWATCH_SUPPRESS", "a:b"),
            ("FORKWATCH_DEPTH", "4"),
            ("FORKWATCH_STACKS", "caller"),
            ("FORKWATCH_SYMBOLS", "off"),
            ("OTEL_SERVICE_NAME", "general"),
            ("FORKWATCH_SERVICE", "own"),
        ]);
        assert_eq!(
            (config.strict, config.action, config.depth),
            (Strict::Threads, Action::Exit(9), 4)
        );
        assert_eq!(config.log, Some(Destination::Descriptor(7)));
        assert_eq!(config.suppress, [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!((config.stacks, config.symbols), (Stacks::Caller, Symbols::Off));
        assert_eq!(config.service.as_deref(), Some(&b"own"[..]));
        assert!(config.complaints.is_empty());
    }

    #[test]
    fn complaints_name_the_nearest() {
        let config = read(&[
            ("FORKWATCH_STRIKT", "1"),
            ("FORKWATCH_DEPTH", "0"),
            ("FORKWATCH_LOG", "df:3"),
        ]);
        assert_eq!(config.complaints.len(), 3);
        assert!(config.complaints[0].contains("FORKWATCH_STRICT"));
        assert_eq!(config.depth, 16);
        assert!(config.log.is_none());
    }
}
