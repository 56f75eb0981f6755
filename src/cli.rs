//! The commands and their flags, made from the option rows of `forkwatch-schema`, and the messages for wrong usage.

use std::ffi::OsString;

use clap::builder::EnumValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Error, ValueHint, value_parser};
use clap_complete::Shell;
use forkwatch_schema::options::{Arity, OPTIONS, OptionRow, Values};
use forkwatch_schema::system_calls::NEEDED;

use crate::message::{self, Failure};
use crate::{exit_codes, explain, export, report, run};

/// Examples come before the options: most people need only one of them.
const TEMPLATE: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

const EXAMPLES: &str = "\
Examples:
  forkwatch run ./server --port 8080       report every unsafe fork on standard error
  forkwatch run --strict pytest tests/     stop at the first one, at the line that forks
  forkwatch run --log /tmp/%p.jsonl make   write records, one JSON object per line
  forkwatch report /tmp/*.jsonl            group the records into findings, worst first
  eval \"$(forkwatch env)\"                  watch everything this shell starts from now on

Without the command: LD_PRELOAD=/path/libforkwatch.so PROGRAM";

const RUN_EXAMPLES: &str = "\
Examples:
  forkwatch run ./server --port 8080
  forkwatch run --strict pytest tests/
  forkwatch run --strict=locks --action fail python3 app.py
  forkwatch run --strict=child ./server    allow forks, but abort a child that would hang
  forkwatch run --watch ./server           also report children that hang outside the library's view
  forkwatch run --error-exitcode 66 --log findings.jsonl -- make check

Each name in brackets is the environment variable that sets the same option.";

const RUN_CODES: &str = "Exit status: the program's own; if a signal ended the program, the same signal ends \
                         forkwatch. Otherwise 66 (or the N of --error-exitcode) if the program succeeded but a process \
                         had a finding of ERROR or FATAL under --strict or --error-exitcode, 2 for wrong usage, 125 \
                         if the program cannot be watched, 126 if it is not executable, 127 if it is not found.";

/// What a sandbox must allow the program, so that the library can work in it.
fn run_sandboxes() -> String {
    let names: Vec<_> = NEEDED.iter().map(|(_, name)| *name).collect();
    format!(
        "Seccomp: if the program installs a filter that kills it for a system call that the library needs, forkwatch says so \
         and reports nothing more from that process. A filter that is in force before the program starts must allow {}; \
         for `--log journald` and `--log unix:PATH` also socket and sendto.",
        names.join(", ")
    )
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  forkwatch inspect 4243
  forkwatch inspect \"$(pgrep -n -f 'pytest')\"

forkwatch only reads the process: it neither stops nor signals it.";

const INSPECT_CODES: &str = "Exit status: 0 whatever the verdict, 2 for an invalid process id, 125 if the process \
                             does not exist or may not be inspected.";

const ENV_EXAMPLES: &str = "\
Examples:
  eval \"$(forkwatch env --strict)\"
  forkwatch env --log /var/log/forkwatch.jsonl --format dockerfile >> Dockerfile

Each name in brackets is the environment variable that the option sets.";

/// The whole command line, as clap knows it.
pub fn command() -> Command {
    Command::new("forkwatch")
        .version(env!("CARGO_PKG_VERSION"))
        .about(
            "Names every unsafe fork() in an unmodified program: which threads were alive, which locks they held, \
                and where each lock was taken",
        )
        .after_help(EXAMPLES)
        .help_template(TEMPLATE.replace("{all-args}", "Commands:\n{subcommands}\n\nOptions:\n{options}"))
        .max_term_width(110)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(run_command())
        .subcommand(report::command().help_template(TEMPLATE))
        .subcommand(export::command().help_template(TEMPLATE))
        .subcommand(explain::command().help_template(TEMPLATE))
        .subcommand(
            Command::new("inspect")
                .about("Says whether a running process looks like a stuck forked child, with its stack and the lock")
                .after_help(INSPECT_EXAMPLES)
                .after_long_help(format!("{INSPECT_EXAMPLES}\n\n{INSPECT_CODES}"))
                .help_template(TEMPLATE)
                .arg(
                    Arg::new("pid")
                        .required(true)
                        .value_name("PID")
                        // A dash does not begin an option here: -1 is an invalid process id, and is reported as one.
                        .allow_negative_numbers(true)
                        .help("The process: a number, as `ps` and `pgrep` show it"),
                ),
        )
        .subcommand(
            Command::new("env")
                .about("Prints the environment variables that make programs run under forkwatch")
                .after_help(ENV_EXAMPLES)
                .help_template(TEMPLATE)
                // `--format` is the form of the lines here.
                .args(option_flags().filter(|arg| arg.get_id() != "format"))
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .value_parser(["shell", "dockerfile"])
                        .default_value("shell")
                        .help("`export` lines for a shell, or `ENV` lines for a Dockerfile"),
                ),
        )
        .subcommand(
            Command::new("install")
                .about("Writes only the library, for machines and images without this command")
                .after_help("Example:\n  forkwatch install --to /usr/local/lib")
                .help_template(TEMPLATE)
                .arg(
                    folder()
                        .required(true)
                        .help("Where to put libforkwatch.so; the directory is created if it does not exist"),
                ),
        )
        .subcommand(
            Command::new("completions")
                .about("Prints a shell's completions")
                .after_help("Example:\n  forkwatch completions bash > /etc/bash_completion.d/forkwatch")
                .help_template(TEMPLATE)
                .arg(
                    Arg::new("shell")
                        .required(true)
                        .value_name("SHELL")
                        .value_parser(EnumValueParser::<Shell>::new()),
                ),
        )
        .subcommand(
            Command::new("man")
                .about("Prints the manual page, or writes one for each command")
                .after_help("Example:\n  forkwatch man | man -l -")
                .help_template(TEMPLATE)
                .arg(folder().help("Write a page for each command into this directory instead")),
        )
}

fn run_command() -> Command {
    Command::new("run")
        .about("Runs a program, and everything it starts, with the library preloaded")
        .override_usage("forkwatch run [OPTIONS] [--] PROGRAM [ARGS]...")
        .after_help(RUN_EXAMPLES)
        .after_long_help(format!("{RUN_EXAMPLES}\n\n{RUN_CODES}\n\n{}", run_sandboxes()))
        .help_template(TEMPLATE)
        .args(option_flags())
        .arg(
            Arg::new(run::ERROR_EXITCODE)
                .long(run::ERROR_EXITCODE)
                .value_name("N")
                .value_parser(value_parser!(OsString))
                .allow_hyphen_values(true)
                .help(
                    "Exit with N if the program succeeded but any process in its tree had a finding of ERROR or FATAL \
                     (default 66 under --strict; 0 turns it off)",
                ),
        )
        .arg(Arg::new(run::WATCH).long(run::WATCH).action(ArgAction::SetTrue).help(
            "Stay the program's parent and look once a second for forked children that wait for ever, for \
             example inside libc (implied by --strict, by --error-exitcode, and if PROGRAM is a test runner)",
        ))
        .arg(
            Arg::new(run::INTERPRETER)
                .long(run::INTERPRETER)
                .value_parser(value_parser!(OsString))
                // `python -m forkwatch` puts it there: it knows its own interpreter, but not our options.
                .hide(true),
        )
        .arg(
            // Our options end at the first word that is not one: the rest belongs to the program.
            Arg::new("program")
                .value_name("PROGRAM")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::CommandWithArguments)
                .num_args(1..)
                .required(true)
                .trailing_var_arg(true)
                .help("The program and its arguments"),
        )
}

fn folder() -> Arg {
    Arg::new("to")
        .long("to")
        .value_name("DIR")
        .value_parser(value_parser!(std::path::PathBuf))
        .value_hint(ValueHint::DirPath)
}

/// A flag for each row.
fn option_flags() -> impl Iterator<Item = Arg> {
    OPTIONS.iter().map(option_flag)
}

fn option_flag(row: &'static OptionRow) -> Arg {
    let flag = row.flag();
    let arg = Arg::new(flag.clone())
        .long(flag)
        .value_name(row.value_name)
        // Values are checked by the row itself, so that command and library say the same (see settings.rs).
        .value_parser(value_parser!(OsString))
        .help(format!("{} [{}]", row.help, row.variable));
    let arg = match row.values {
        Values::PathOr(_) | Values::Paths | Values::Destination => arg.value_hint(ValueHint::FilePath),
        _ => arg,
    };
    match row.arity {
        Arity::OptionalValue(alone) => arg.num_args(0..=1).require_equals(true).default_missing_value(alone),
        // A value is what follows, even if it begins with a dash.
        Arity::Value => arg.allow_hyphen_values(true),
    }
}

/// Parses the command line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, Box<Error>> {
    command().try_get_matches_from(args).map_err(Box::new)
}

/// Handles what clap did not turn into a command: prints help and version, and rewords errors.
pub fn answer(error: &Error) -> Result<u8, Failure> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            message::print(text.as_bytes())?;
            Ok(exit_codes::OK)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            message::say(&text);
            Ok(exit_codes::USAGE)
        }
        _ => Err(Failure::usage(one_sentence(&text))),
    }
}

/// Clap's message without its usage lines, on one line: what is wrong, then the first tip.
fn one_sentence(text: &str) -> String {
    let mut sentence = String::new();
    let mut tips = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        let line = match line.strip_prefix("tip: ") {
            Some(_) if tips > 0 => continue,
            Some(tip) => {
                tips += 1;
                sentence.push(';');
                tip
            }
            None => line.strip_prefix("error: ").unwrap_or(line),
        };
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(line);
    }
    sentence + " (see forkwatch --help)"
}

#[cfg(test)]
mod tests {
    use super::{command, one_sentence, parse};

    fn program(line: &str) -> Vec<String> {
        let matches = parse(line.split(' ').map(Into::into)).unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let words = matches.get_many::<std::ffi::OsString>("program").unwrap();
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn clap_accepts_the_definition() {
        command().debug_assert();
    }

    #[test]
    fn our_options_end_at_the_program() {
        assert_eq!(
            program("forkwatch run --strict prog --strict -x"),
            ["prog", "--strict", "-x"]
        );
        assert_eq!(program("forkwatch run --depth 3 -- prog -- x"), ["prog", "--", "x"]);
        assert_eq!(program("forkwatch run prog -- x"), ["prog", "--", "x"]);
        assert_eq!(program("forkwatch run -- --odd"), ["--odd"]);
    }

    #[test]
    fn a_value_may_begin_with_a_dash() {
        let line = "forkwatch run --context -x --strict --service --y prog -z";
        assert_eq!(program(line), ["prog", "-z"]);
    }

    #[test]
    fn an_unknown_option_is_not_taken_for_the_program() {
        assert!(parse("forkwatch run --strikt prog".split(' ').map(Into::into)).is_err());
    }

    #[test]
    fn wrong_usage_is_one_sentence_with_what_was_probably_meant() {
        let error = parse("forkwatch run --strikt prog".split(' ').map(Into::into)).unwrap_err();
        let sentence = one_sentence(&error.render().to_string());
        assert!(
            sentence.contains("'--strikt'") && sentence.contains("'--strict'"),
            "{sentence}"
        );
        assert!(!sentence.contains('\n') && !sentence.contains("Usage"), "{sentence}");
    }
}
