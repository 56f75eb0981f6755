//! The options given on the command line, checked, as the variables that the library reads.

use std::ffi::{OsStr, OsString};

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
        let Some(value) = matches.get_one::<OsString>(flag) else { continue };
        check(row, flag, value)?;
        settings.push(Setting { variable: row.variable, value: value.clone() });
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

#[cfg(test)]
mod tests {
    use super::check;
    use forkwatch_schema::options::by_variable;

    #[test]
    fn a_bad_value_is_told_in_the_words_of_the_command_line() {
        let strict = by_variable("FORKWATCH_STRICT").unwrap();
        let failure = check(strict, "strict", "thread".as_ref()).unwrap_err();
        assert_eq!(failure.sentence, "--strict=thread is no valid value; the nearest is threads");
        assert_eq!(failure.code, 2);
    }
}
