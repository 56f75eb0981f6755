//! `forkwatch install`: the library alone, for machines and images without the command.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::ArgMatches;

use crate::message::{self, Failure};
use crate::{exit_codes, run};

/// Writes the library into the directory and prints its path.
pub fn install(matches: &ArgMatches) -> Result<u8, Failure> {
    let folder = matches.get_one::<PathBuf>("to").expect("clap asks for --to");
    let path = folder.join(run::LIBRARY_NAME);
    fs::create_dir_all(folder)
        .and_then(|()| run::write_whole(&path, 0o755))
        .map_err(|error| Failure::cannot(format!("{} cannot be written: {error}", path.display())))?;
    // For LD_PRELOAD, which needs an absolute one.
    let path = std::path::absolute(&path).unwrap_or(path);
    let mut line = path.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    message::print(&line)?;
    Ok(exit_codes::OK)
}
