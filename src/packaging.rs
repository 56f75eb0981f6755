//! `forkwatch completions` and `forkwatch man`, for packagers.

use std::fs;
use std::path::PathBuf;

use clap::ArgMatches;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::message::{self, Failure};
use crate::{cli, exit_codes};

/// Prints the completions for a shell.
pub fn completions(matches: &ArgMatches) -> Result<u8, Failure> {
    let shell = *matches.get_one::<Shell>("shell").expect("clap asks for a shell");
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "forkwatch", &mut text);
    message::print(&text)?;
    Ok(exit_codes::OK)
}

/// Prints the manual page, or writes one for each command into a directory.
pub fn man(matches: &ArgMatches) -> Result<u8, Failure> {
    if let Some(folder) = matches.get_one::<PathBuf>("to") {
        return fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(cli::command(), folder))
            .map(|()| exit_codes::OK)
            .map_err(|error| Failure::cannot(format!("{} cannot be written: {error}", folder.display())));
    }
    let mut page = Vec::new();
    Man::new(cli::command())
        .render(&mut page)
        .map_err(|error| Failure::cannot(format!("the manual page cannot be made: {error}")))?;
    message::print(&page)?;
    Ok(exit_codes::OK)
}
