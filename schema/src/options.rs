//! The options: one row each. The library's variables, the command's flags, the README's table and the man page all come
//! from these rows.

use crate::nearest::nearest;

/// The start of every variable of ours.
pub const PREFIX: &str = "FORKWATCH_";

/// A variable between the command and the library alone: the file to which each finding's severity, kind and process
/// are appended, a finding a line, so that `forkwatch run` knows whether any process of the tree had one.
pub const TALLY: &str = "FORKWATCH_TALLY";

/// A variable that the Python package reads, and nobody else: whether each `multiprocessing` process that is forked would
/// survive `spawn`.
pub const SPAWN_CHECK: &str = "FORKWATCH_SPAWN_CHECK";

/// What an option's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words, the first being the default.
    Words(&'static [&'static str]),
    /// One of these words, or one of these prefixes and a text (`exit:` and a number).
    WordsOr(&'static [&'static str], &'static [&'static str]),
    /// A whole number in this range.
    Number(u32, u32),
    /// Any text.
    Text,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The environment variable that the library reads.
    pub variable: &'static str,
    /// The command's flag, without the dashes; `None` where only the variable exists.
    pub flag: Option<&'static str>,
    /// What may be given.
    pub values: Values,
    /// The value when nothing is given, in words.
    pub default: &'static str,
    /// What it does, one sentence.
    pub help: &'static str,
}

/// Every option, in the order of the contract.
pub const OPTIONS: &[OptionRow] = &[
    OptionRow {
        variable: "FORKWATCH_STRICT",
        flag: Some("strict"),
        values: Values::Words(&["off", "threads", "locks", "child", "1", "on"]),
        default: "off",
        help: "Stop an unsafe fork: `threads` (also `1`, `on`) when another thread is alive, `locks` when another thread also holds a lock, `child` stops no fork, but a forked child at its first call that never returns",
    },
    OptionRow {
        variable: "FORKWATCH_ACTION",
        flag: Some("action"),
        values: Values::WordsOr(&["abort", "fail"], &["exit:"]),
        default: "abort",
        help: "How it is stopped: `abort` writes the record, then SIGABRT; `fail` makes fork return -1 with errno EDEADLK (a child is aborted); `exit:N` ends the process with status N",
    },
    OptionRow {
        variable: "FORKWATCH_LOG",
        flag: Some("log"),
        values: Values::Text,
        default: "unset",
        help: "Where the records go, one JSON object a line: a path (%p pid, %h host, %e program, %% a percent sign) or `fd:N`",
    },
    OptionRow {
        variable: "FORKWATCH_TEXT",
        flag: Some("text"),
        values: Values::Text,
        default: "stderr",
        help: "Where the report for people goes: `stderr`, `off`, or a path",
    },
    OptionRow {
        variable: "FORKWATCH_STACKS",
        flag: Some("stacks"),
        values: Values::Words(&["full", "caller", "off"]),
        default: "full",
        help: "How much of the stack is kept for each lock acquisition",
    },
    OptionRow {
        variable: "FORKWATCH_DEPTH",
        flag: Some("depth"),
        values: Values::Number(1, 64),
        default: "16",
        help: "Frames kept of a stack, 1 to 64",
    },
    OptionRow {
        variable: "FORKWATCH_REPEAT",
        flag: Some("repeat"),
        values: Values::Words(&["first", "all"]),
        default: "first",
        help: "`first`: each process tells a finding in full once and counts its repeats; `all`: every time",
    },
    OptionRow {
        variable: "FORKWATCH_SUPPRESS",
        flag: Some("suppress"),
        values: Values::Text,
        default: "unset",
        help: "Suppression files, separated by colons",
    },
    OptionRow {
        variable: "FORKWATCH_CONTEXT",
        flag: Some("context"),
        values: Values::Text,
        default: "unset",
        help: "A text copied into every record: a test's name, a build number",
    },
    OptionRow {
        variable: "FORKWATCH_AUDIT",
        flag: Some("audit"),
        values: Values::Text,
        default: "off",
        help: "Report calls that are not async-signal-safe in the child of a threaded process: `off`, `on`, or a list of names",
    },
    OptionRow {
        variable: "FORKWATCH_GUARD",
        flag: Some("guard"),
        values: Values::Text,
        default: "unset",
        help: "Library name globs, separated by commas: report the first call into such a library in a forked child",
    },
    OptionRow {
        variable: "FORKWATCH_SYMBOLS",
        flag: Some("symbols"),
        values: Values::Words(&["quick", "full", "names", "off"]),
        default: "quick",
        help: "`quick`: function names, and file and line where that takes milliseconds; `full`: file and line wherever debug information exists, however long that takes; `names`: function names only; `off`: addresses only",
    },
    OptionRow {
        variable: "FORKWATCH_SERVICE",
        flag: Some("service"),
        values: Values::Text,
        default: "OTEL_SERVICE_NAME, else the program's name",
        help: "Copied into every record as `service`",
    },
    OptionRow {
        variable: "FORKWATCH_PYTHON",
        flag: Some("python"),
        values: Values::Words(&["on", "off"]),
        default: "on",
        help: "Python names, tracebacks and lock names",
    },
    OptionRow {
        variable: "FORKWATCH_ARGV",
        flag: Some("argv"),
        values: Values::Words(&["on", "off"]),
        default: "on",
        help: "Whether records carry the command line, which can hold secrets",
    },
];

/// The row of a variable, by its whole name.
pub fn by_variable(name: &str) -> Option<&'static OptionRow> {
    OPTIONS.iter().find(|row| row.variable == name)
}

/// What to say of a variable that is no option of ours: one clear sentence with the nearest valid name.
pub fn unknown_variable(name: &str) -> String {
    let nearest = nearest(name, OPTIONS.iter().map(|row| row.variable)).unwrap_or_default();
    format!("unknown option {name}; the nearest valid name is {nearest}")
}

impl OptionRow {
    /// Checks a value against [`Self::values`]; the error is one clear sentence with the nearest valid value.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let (words, prefixes) = match self.values {
            Values::Text => return Ok(()),
            Values::Number(low, high) => {
                return match value.parse::<u32>() {
                    Ok(number) if (low..=high).contains(&number) => Ok(()),
                    Ok(number) => {
                        let nearest = number.clamp(low, high);
                        Err(self.bad(value, &nearest.to_string()))
                    }
                    Err(_) => Err(self.bad(value, self.default)),
                };
            }
            Values::Words(words) => (words, &[][..]),
            Values::WordsOr(words, prefixes) => (words, prefixes),
        };
        if words.contains(&value) {
            return Ok(());
        }
        for prefix in prefixes {
            let Some(number) = value.strip_prefix(prefix) else {
                continue;
            };
            return match number.parse::<u8>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!(
                    "{}={value}: {prefix}N takes a whole number from 0 to 255; using the default, {}",
                    self.variable, self.default
                )),
            };
        }
        Err(self.bad(value, nearest(value, words.iter().copied()).unwrap_or_default()))
    }

    fn bad(&self, value: &str, nearest: &str) -> String {
        format!(
            "{}={value} is no valid value; the nearest is {nearest}; using the default, {}",
            self.variable, self.default
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, PREFIX, by_variable, unknown_variable};

    #[test]
    fn every_row_is_complete_and_unique() {
        for (position, row) in OPTIONS.iter().enumerate() {
            assert!(row.variable.starts_with(PREFIX), "{}", row.variable);
            assert!(!row.help.is_empty() && !row.default.is_empty(), "{}", row.variable);
            let flag = row.variable[PREFIX.len()..].to_ascii_lowercase();
            assert_eq!(row.flag, Some(flag.as_str()), "one spelling per option");
            assert!(!OPTIONS[..position].iter().any(|other| other.variable == row.variable));
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_its_neighbour() {
        assert_eq!(
            unknown_variable("FORKWATCH_STRIKT"),
            "unknown option FORKWATCH_STRIKT; the nearest valid name is FORKWATCH_STRICT"
        );
    }

    #[test]
    fn a_bad_value_is_told_with_its_neighbour() {
        let strict = by_variable("FORKWATCH_STRICT").unwrap();
        assert_eq!(
            strict.check("thread").unwrap_err(),
            "FORKWATCH_STRICT=thread is no valid value; the nearest is threads; using the default, off"
        );
        assert!(strict.check("1").is_ok());
        let depth = by_variable("FORKWATCH_DEPTH").unwrap();
        assert!(depth.check("64").is_ok());
        assert!(depth.check("65").unwrap_err().contains("the nearest is 64"));
        assert!(depth.check("many").unwrap_err().contains("the nearest is 16"));
        let action = by_variable("FORKWATCH_ACTION").unwrap();
        assert!(action.check("exit:7").is_ok());
        assert!(action.check("exit:999").unwrap_err().contains("0 to 255"));
        assert!(action.check("abrot").unwrap_err().contains("the nearest is abort"));
    }
}
