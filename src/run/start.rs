//! `forkwatch run` itself: prepares everything, becomes the program or its parent, and decides the exit status.

use std::env::{self, current_dir};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use clap::ArgMatches;
use forkwatch_text::Form;

use crate::exit_codes::{FINDINGS, NOT_EXECUTABLE, NOT_FOUND};
use crate::message::{self, Failure};
use crate::report::run_end::RunFinding;
use crate::run::captures;
use crate::run::environment::variables;
use crate::run::kept::Kept;
use crate::run::library::library;
use crate::run::parent::{self, Ending};
use crate::run::summary::{self, Outcome};
use crate::run::watchable::{Program, prepare};
use crate::settings::{Setting, anchor, check_files, settings};
use crate::watch::Sinks;

/// The option's name.
pub const ERROR_EXITCODE: &str = "error-exitcode";

/// The option's name.
pub const WATCH: &str = "watch";

/// The option's name: only `python -m forkwatch` gives it.
pub const INTERPRETER: &str = "interpreter";

/// Runs the program; returns only if it could not be started, or has ended as a child of ours.
pub fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let mut settings = settings(matches)?;
    if let Ok(folder) = current_dir() {
        anchor(&mut settings, &folder);
    }
    check_files(&settings)?;
    let error_exitcode = error_exitcode(matches, &settings)?;
    let program = prepare(words(matches))?;
    let is_preloaded = match &program.unwatchable {
        Some(unwatchable) if !matches.get_flag(WATCH) => return Err(unwatchable.refusal()),
        Some(unwatchable) => {
            message::say(&unwatchable.note());
            unwatchable.may_be_preloaded()
        }
        None => true,
    };
    let library = library()?;
    if error_exitcode.is_none() && !matches.get_flag(WATCH) && !captures::output(&program) {
        return Err(become_program(&program, variables(Some(&library), &settings, None)));
    }
    let kept = Kept::new()?;
    let library = is_preloaded.then_some(&*library);
    let variables = variables(library, &settings, Some(kept.variable()));
    let sinks = Sinks::of(&settings, kept.names());
    let ending = parent::run(&program, &variables, sinks).map_err(|error| start_failure(&program.path, &error))?;
    let findings = summary::of(&kept);
    let outcome = Outcome {
        ending,
        error_exitcode,
        log: value_of(&settings, "FORKWATCH_LOG"),
        text: value_of(&settings, "FORKWATCH_TEXT"),
        form: Form::named(value_of(&settings, "FORKWATCH_FORMAT").unwrap_or_default().as_bytes()),
        program: &program.name(),
    };
    summary::say(&findings, &kept.notes(), &outcome);
    kept.hand_on();
    match ending {
        Ending::Status(0) if findings.iter().any(RunFinding::is_bad) => {
            Ok(error_exitcode.map_or(0, |(status, _)| status))
        }
        Ending::Status(status) => Ok(status),
        Ending::Signal(signal) => Ok(parent::die_by(signal)),
    }
}

/// The program and its arguments; the interpreter that the Python package names goes before a Python script.
fn words(matches: &ArgMatches) -> Vec<OsString> {
    let mut words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    let is_script = words
        .first()
        .is_some_and(|program| program.as_bytes().ends_with(b".py"));
    if let Some(interpreter) = matches.get_one::<OsString>(INTERPRETER).filter(|_| is_script) {
        words.insert(0, interpreter.clone());
    }
    words
}

/// The value of this variable, from the command line or our own environment, which the program gets.
fn value_of(settings: &[Setting], variable: &str) -> Option<OsString> {
    let given = settings.iter().find(|setting| setting.row.variable == variable);
    given
        .map(|setting| setting.value.clone())
        .or_else(|| env::var_os(variable))
        .filter(|value| !value.is_empty())
}

/// The status that replaces 0 if there are findings, and the option that requests it; `None` if no option does.
fn error_exitcode(matches: &ArgMatches, settings: &[Setting]) -> Result<Option<(u8, &'static str)>, Failure> {
    if let Some(given) = matches.get_one::<OsString>(ERROR_EXITCODE) {
        let given = given.to_string_lossy();
        let status = given.parse().map(|status| Some((status, "--error-exitcode")));
        return status.map_err(|_| {
            let nearest = if given.bytes().all(|byte| byte.is_ascii_digit()) {
                u8::MAX
            } else {
                FINDINGS
            };
            Failure::usage(format!(
                "--{ERROR_EXITCODE}={given}: invalid status (0 to 255); the nearest valid value is {nearest}"
            ))
        });
    }
    let is_strict = settings
        .iter()
        .any(|setting| setting.row.variable == "FORKWATCH_STRICT" && setting.value != "off");
    Ok(is_strict.then_some((FINDINGS, "--strict")))
}

/// Replaces this process, so that there is none between the program and the process that waits for it.
fn become_program(program: &Program, variables: Vec<(OsString, OsString)>) -> Failure {
    let (name, arguments) = program.arguments.split_first().expect("a program has its own name");
    let error = Command::new(&program.path)
        .arg0(name)
        .args(arguments)
        .envs(variables)
        .exec();
    start_failure(&program.path, &error)
}

fn start_failure(path: &Path, error: &io::Error) -> Failure {
    let code = if error.kind() == ErrorKind::NotFound {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    };
    Failure::new(code, format!("{} cannot be started: {error}", path.display()))
}
