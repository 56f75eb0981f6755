//! `forkwatch`, the command: parses, dispatches, and maps the result to an exit code.
//!
//! * [`cli`]: commands and flags, made from the option rows of `forkwatch-schema`.
//! * [`settings`]: the options given, checked, as the library's variables.
//! * [`run`]: `forkwatch run`, from finding the program to its exit status.
//! * [`inspect`]: `forkwatch inspect`, from a process id to a verdict.
//! * [`watch`]: what `forkwatch run`, as a parent, sees of the processes below it.
//! * [`proc`], [`stack`], [`records`]: what the kernel, the stack and the log show of another process; [`clock`]: times.
//! * [`report`]: `forkwatch report`, from records to findings; [`explain`]: `forkwatch explain`.
//! * [`export`]: `forkwatch export`, from records to other formats and receivers.
//! * [`mod@env`]: `forkwatch env`; [`install`]: `forkwatch install`; [`packaging`]: completions and manual pages.
//! * [`message`], [`exit_codes`]: its messages and exit status.

#![forbid(unsafe_code)]

mod cli;
mod clock;
mod env;
mod exit_codes;
mod explain;
mod export;
mod inspect;
mod install;
mod message;
mod packaging;
mod proc;
mod records;
mod report;
mod run;
mod settings;
mod stack;
mod symbols;
mod watch;

use std::process::ExitCode;

use clap::ArgMatches;

use crate::message::{Failure, say};

fn main() -> ExitCode {
    let matches = match cli::parse(std::env::args_os()) {
        Ok(matches) => matches,
        Err(answer) => return finish(cli::answer(&answer)),
    };
    finish(dispatch(&matches))
}

/// Runs the subcommand.
fn dispatch(matches: &ArgMatches) -> Result<u8, Failure> {
    match matches.subcommand() {
        Some(("run", matches)) => run::run(matches),
        Some(("report", matches)) => report::run(matches),
        Some(("export", matches)) => export::run(matches),
        Some(("explain", matches)) => explain::run(matches),
        Some(("env", matches)) => env::print(matches),
        Some(("inspect", matches)) => inspect::inspect(matches),
        Some(("install", matches)) => install::install(matches),
        Some(("completions", matches)) => packaging::completions(matches),
        Some(("man", matches)) => packaging::man(matches),
        _ => unreachable!("clap accepts only the commands of cli.rs, and asks for one"),
    }
}

fn finish(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say(&failure);
            ExitCode::from(failure.code)
        }
    }
}
