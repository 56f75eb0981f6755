//! The options: one row each. The library's variables, the command's flags, the table of docs/OPTIONS.md and the manual page all come
//! from these rows.

use crate::destination::Destination;
#[cfg(test)]
use crate::destination::FORMS;
use crate::guarded_libraries;
use crate::nearest::nearest;
use crate::programs::Programs;
use crate::unsafe_functions::Audit;

/// The prefix of all our variables.
pub const PREFIX: &str = "FORKWATCH_";

/// A variable that only the Python package reads: whether each `multiprocessing` process that is forked would
/// survive `spawn`.
pub const SPAWN_CHECK: &str = "FORKWATCH_SPAWN_CHECK";

/// What an option's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words, the first being the default.
    Words(&'static [&'static str]),
    /// One of these words, or one of these prefixes and a number (`exit:` and a status).
    WordsOr(&'static [&'static str], &'static [&'static str]),
    /// A whole number in this range.
    Number(u32, u32),
    /// One of these words, or a whole number in this range.
    WordsOrNumber(&'static [&'static str], u32, u32),
    /// Any text.
    Text,
    /// One of these words, or the path of a file, with marks for the process (`%p`).
    PathOr(&'static [&'static str]),
    /// Paths of files, with colons between them.
    Paths,
    /// See [`Programs`]. An empty value counts, too.
    Programs,
    /// Where records go: see [`Destination`].
    Destination,
    /// Which functions are audited: see [`Audit`].
    Functions,
    /// Globs for libraries, with commas between them.
    Libraries,
}

/// What a flag takes on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// The next word, or the text after `=`.
    Value,
    /// The text after `=`, or this value if there is none. The next word is never the value.
    OptionalValue(&'static str),
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The environment variable that the library reads.
    pub variable: &'static str,
    /// Its valid values.
    pub values: Values,
    /// How its flag takes a value.
    pub arity: Arity,
    /// The placeholder for the value in the help.
    pub value_name: &'static str,
    /// The default value, in words.
    pub default: &'static str,
    /// What it does, one sentence.
    pub help: &'static str,
}

/// Every option, in the order of the help.
pub const OPTIONS: &[OptionRow] = &[
    OptionRow {
        variable: "FORKWATCH_STRICT",
        values: Values::Words(&["off", "threads", "locks", "child", "1", "on"]),
        arity: Arity::OptionalValue("threads"),
        value_name: "WHEN",
        default: "off",
        help: "Stop an unsafe fork: `threads` (also `1`, `on`) when another thread is alive, `locks` when another \
               thread also holds a lock; `child` allows every fork and stops a forked child at its first call that \
               can never return, or that FORKWATCH_AUDIT or FORKWATCH_GUARD reports",
    },
    OptionRow {
        variable: "FORKWATCH_ACTION",
        values: Values::WordsOr(&["abort", "fail"], &["exit:"]),
        arity: Arity::Value,
        value_name: "ACTION",
        default: "abort",
        help: "How to stop it: `abort` writes the record, then raises SIGABRT; `fail` makes fork return -1 with errno \
               EDEADLK (a child is aborted); `exit:N` ends the process with status N",
    },
    OptionRow {
        variable: "FORKWATCH_LOG",
        values: Values::Destination,
        arity: Arity::Value,
        value_name: "PATH",
        default: "unset",
        help: "Where records go, one JSON object per line: a path (%p pid, %h host, %e program, %% a percent sign), \
               `journald`, `unix:PATH` (a datagram socket) or `fd:N`",
    },
    OptionRow {
        variable: "FORKWATCH_TEXT",
        values: Values::PathOr(&["stderr", "off"]),
        arity: Arity::Value,
        value_name: "PATH",
        default: "stderr",
        help: "Where the report goes: `stderr`, `off` or a path",
    },
    OptionRow {
        variable: "FORKWATCH_FORMAT",
        values: Values::Words(&["full", "line"]),
        arity: Arity::Value,
        value_name: "full|line",
        default: "full",
        help: "How the report shows a finding: `full`, wrapped at a terminal's width, or `line`, one line with severity, kind, place, \
               lock and fingerprint",
    },
    OptionRow {
        variable: "FORKWATCH_PROGRAMS",
        values: Values::Programs,
        arity: Arity::Value,
        value_name: "GLOBS",
        default: "unset",
        help: "Which programs are watched, by the file names of their executables: globs separated by commas, of which those that \
               begin with `!` exclude (`python*,!git`); unset: all, empty: none",
    },
    OptionRow {
        variable: "FORKWATCH_STACKS",
        values: Values::Words(&["full", "caller", "off"]),
        arity: Arity::Value,
        value_name: "full|caller|off",
        default: "full",
        help: "The stack to keep for each lock acquisition: `full` (up to FORKWATCH_DEPTH frames), `caller` (only the return \
               address) or `off`",
    },
    OptionRow {
        variable: "FORKWATCH_DEPTH",
        values: Values::Number(1, 64),
        arity: Arity::Value,
        value_name: "N",
        default: "16",
        help: "How many frames of a stack to keep, 1 to 64",
    },
    OptionRow {
        variable: "FORKWATCH_REPEAT",
        values: Values::Words(&["first", "all"]),
        arity: Arity::Value,
        value_name: "first|all",
        default: "first",
        help: "`first`: each process reports a finding in full once and counts its repeats; `all`: every time",
    },
    OptionRow {
        variable: "FORKWATCH_SUPPRESS",
        values: Values::Paths,
        arity: Arity::Value,
        value_name: "FILES",
        default: "unset",
        help: "Suppression files, separated by colons",
    },
    OptionRow {
        variable: "FORKWATCH_CONTEXT",
        values: Values::Text,
        arity: Arity::Value,
        value_name: "TEXT",
        default: "unset",
        help: "Text copied into every record, such as a test's name or a build number; forkwatch_set_context(const \
               char *) changes it at run time",
    },
    OptionRow {
        variable: "FORKWATCH_SYMBOLS",
        values: Values::Words(&["quick", "full", "names", "off"]),
        arity: Arity::Value,
        value_name: "quick|full|names|off",
        default: "quick",
        help: "`quick`: function names, and file and line where that takes milliseconds; `full`: file and line wherever debug \
               information exists, however long that takes; `names`: function names only; `off`: addresses only",
    },
    OptionRow {
        variable: "FORKWATCH_SERVICE",
        values: Values::Text,
        arity: Arity::Value,
        value_name: "NAME",
        default: "OTEL_SERVICE_NAME, else the program's name",
        help: "Copied into every record as `service`",
    },
    OptionRow {
        variable: "FORKWATCH_PYTHON",
        values: Values::Words(&["on", "off"]),
        arity: Arity::Value,
        value_name: "on|off",
        default: "on",
        help: "Whether findings show Python stacks, thread names and lock names",
    },
    OptionRow {
        variable: "FORKWATCH_PREDICT",
        values: Values::Words(&["on", "off"]),
        arity: Arity::Value,
        value_name: "on|off",
        default: "on",
        help: "Whether to report locks that were free at the fork by luck: a child takes one, and another thread takes it, too",
    },
    OptionRow {
        variable: "FORKWATCH_AUDIT",
        values: Values::Functions,
        arity: Arity::OptionalValue("on"),
        value_name: "NAMES",
        default: "off",
        help: "Whether to report calls in the forked child of a process with threads that are not async-signal-safe: `on`, or names \
               and globs of functions or families (`malloc,*printf,time`) separated by commas",
    },
    OptionRow {
        variable: "FORKWATCH_GUARD",
        values: Values::Libraries,
        arity: Arity::Value,
        value_name: "GLOBS",
        default: "unset",
        help: "Libraries that do not work after fork, as globs separated by commas (`libcuda*,libgomp*`): the first call into one in \
               the forked child of a process with threads is an error; a few libraries that say so themselves are known",
    },
    OptionRow {
        variable: "FORKWATCH_SETTLE",
        values: Values::WordsOrNumber(&["off", "on"], 1, 60_000),
        arity: Arity::OptionalValue("on"),
        value_name: "MS",
        default: "off",
        help: "Hold a fork back until no other thread holds a lock, for at most this many milliseconds; `on` means 100",
    },
    OptionRow {
        variable: "FORKWATCH_ARGV",
        values: Values::Words(&["on", "off"]),
        arity: Arity::Value,
        value_name: "on|off",
        default: "on",
        help: "Whether records contain the command line, which may hold secrets",
    },
];

/// The row of a variable, by its full name.
pub fn by_variable(name: &str) -> Option<&'static OptionRow> {
    OPTIONS.iter().find(|row| row.variable == name)
}

/// The message for an unknown variable: one clear sentence with the nearest valid name.
pub fn unknown_variable(name: &str) -> String {
    let nearest = nearest(name, OPTIONS.iter().map(|row| row.variable)).unwrap_or_default();
    format!("unknown option {name}; the nearest valid name is {nearest}")
}

impl OptionRow {
    /// The command's flag, without the dashes: the variable's own word, so that there is one spelling.
    pub fn flag(&self) -> String {
        self.variable.replacen(PREFIX, "", 1).to_ascii_lowercase()
    }

    /// Checks a value against [`Self::values`]. The error is one clear clause that follows the option's name, with the
    /// nearest valid value; the caller adds the consequence.
    pub fn check(&self, value: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(value);
        let bad = |nearest: &str| Err(format!("={text}: invalid value; the nearest valid value is {nearest}"));
        let (words, prefixes) = match self.values {
            Values::Text | Values::PathOr(_) | Values::Paths => return Ok(()),
            Values::Programs => {
                return Programs::parse(&text)
                    .map(drop)
                    .map_err(|problem| format!("={text}: {problem}"));
            }
            Values::Destination => {
                return Destination::parse(value)
                    .map(drop)
                    .map_err(|problem| format!("={text}: {problem}"));
            }
            Values::Functions => {
                return Audit::parse(&text)
                    .map(drop)
                    .map_err(|problem| format!("={text}: {problem}"));
            }
            Values::Libraries => {
                return guarded_libraries::check(&text).map_err(|problem| format!("={text}: {problem}"));
            }
            Values::Number(low, high) => {
                return match text.parse::<u32>() {
                    Ok(number) if (low..=high).contains(&number) => Ok(()),
                    Ok(number) => bad(&number.clamp(low, high).to_string()),
                    Err(_) => bad(self.default),
                };
            }
            Values::WordsOrNumber(words, low, high) => {
                return match text.parse::<u32>() {
                    _ if words.contains(&&*text) => Ok(()),
                    Ok(number) if (low..=high).contains(&number) => Ok(()),
                    Ok(number) => bad(&number.clamp(low, high).to_string()),
                    Err(_) => bad(nearest(&text, words.iter().copied()).unwrap_or_default()),
                };
            }
            Values::Words(words) => (words, &[][..]),
            Values::WordsOr(words, prefixes) => (words, prefixes),
        };
        if words.contains(&&*text) {
            return Ok(());
        }
        for prefix in prefixes {
            let Some(number) = text.strip_prefix(prefix) else {
                continue;
            };
            return match number.parse::<u8>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!("={text}: {prefix}N takes a whole number from 0 to 255")),
            };
        }
        bad(nearest(&text, words.iter().copied()).unwrap_or_default())
    }

    /// Checks a value as the library does, which goes on with the default: the error is its whole message.
    pub fn check_or_default(&self, value: &[u8]) -> Result<(), String> {
        self.check(value).map_err(|problem| match self.values {
            Values::Destination => format!("{}{problem}; no records are written", self.variable),
            Values::Programs => format!("{}{problem}; all programs are watched", self.variable),
            _ => format!("{}{problem}; using the default, {}", self.variable, self.default),
        })
    }

    /// The values as a table shows them, the default first.
    #[cfg(test)]
    fn values_in_words(&self) -> String {
        let quoted = |words: &[&str]| {
            words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.values {
            Values::Words(words) => quoted(words),
            Values::WordsOr(words, prefixes) => {
                let forms: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}N")).collect();
                format!("{}, `{}`", quoted(words), forms.join("`, `"))
            }
            Values::Number(low, high) => format!("`{}` ({low} to {high})", self.default),
            Values::WordsOrNumber(words, low, high) => format!("{}, `{low}` to `{high}`", quoted(words)),
            Values::Text => format!("{}; any text", self.default),
            Values::PathOr(words) => format!("{}, a path", quoted(words)),
            Values::Paths => format!("{}, `FILE[:FILE...]`", self.default),
            Values::Programs => format!("{}, `GLOB[,GLOB...]`", self.default),
            Values::Destination => format!("{}, a path, {}", self.default, quoted(FORMS)),
            Values::Functions => String::from("`off`, `on`, `NAME[,NAME...]`"),
            Values::Libraries => format!("{}, `GLOB[,GLOB...]`", self.default),
        }
    }
}

/// The table of the variables for `docs/OPTIONS.md`, in Markdown.
#[cfg(test)]
fn table() -> String {
    let mut table = String::from("| variable | values, the first is the default | meaning |\n|---|---|---|\n");
    for row in OPTIONS {
        table.push_str(&format!(
            "| `{}` | {} | {} |\n",
            row.variable,
            row.values_in_words(),
            row.help
        ));
    }
    table.push_str(&format!(
        "| `{SPAWN_CHECK}` | unset, `1` | Python package only: run the spawn check |\n"
    ));
    table
}

#[cfg(test)]
mod tests {
    use super::{Arity, OPTIONS, PREFIX, Values, by_variable, table, unknown_variable};
    use crate::reference;

    #[test]
    fn every_row_is_complete_and_unique() {
        for (position, row) in OPTIONS.iter().enumerate() {
            assert!(row.variable.starts_with(PREFIX), "{}", row.variable);
            assert!(
                !row.help.is_empty() && !row.default.is_empty() && !row.value_name.is_empty(),
                "{}",
                row.variable
            );
            assert!(!OPTIONS[..position].iter().any(|other| other.variable == row.variable));
            if let Arity::OptionalValue(alone) = row.arity {
                assert_eq!(row.check(alone.as_bytes()), Ok(()), "{}", row.variable);
            }
            if let Values::Words(words) = row.values {
                assert_eq!(words.first(), Some(&row.default), "{}", row.variable);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_reported_with_its_neighbour() {
        assert_eq!(
            unknown_variable("FORKWATCH_STRIKT"),
            "unknown option FORKWATCH_STRIKT; the nearest valid name is FORKWATCH_STRICT"
        );
    }

    #[test]
    fn a_bad_value_is_reported_with_its_neighbour() {
        let strict = by_variable("FORKWATCH_STRICT").unwrap();
        assert_eq!(
            strict.check_or_default(b"thread").unwrap_err(),
            "FORKWATCH_STRICT=thread: invalid value; the nearest valid value is threads; using the default, off"
        );
        assert!(strict.check(b"1").is_ok());
        let depth = by_variable("FORKWATCH_DEPTH").unwrap();
        assert!(depth.check(b"64").is_ok());
        assert!(
            depth
                .check(b"65")
                .unwrap_err()
                .contains("the nearest valid value is 64")
        );
        assert!(
            depth
                .check(b"many")
                .unwrap_err()
                .contains("the nearest valid value is 16")
        );
        let action = by_variable("FORKWATCH_ACTION").unwrap();
        assert!(action.check(b"exit:42").is_ok());
        assert!(action.check(b"exit:no").unwrap_err().contains("0 to 255"));
        let log = by_variable("FORKWATCH_LOG").unwrap();
        assert!(
            log.check_or_default(b"df:3")
                .unwrap_err()
                .ends_with("; no records are written")
        );
    }

    #[test]
    fn the_page_of_options_has_the_table() {
        reference::held_part("OPTIONS.md", "options", &table());
    }
}
