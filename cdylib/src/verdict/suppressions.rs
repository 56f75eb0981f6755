//! The user's suppression files, read when a rule is first needed.

use std::ffi::CString;

use forkwatch_process::file::read_whole;
use forkwatch_schema::suppressions::Suppressions;
use forkwatch_sink::reason::reason;
use once_cell::race::OnceBox;
use rustix::fs::{FileType, stat};
use rustix::io::Errno;

use crate::config;
use crate::system::allocator;
use crate::system::printable::printable;

struct Loaded {
    rules: Suppressions,
    complaints: Vec<String>,
}

/// The rules of all suppression files.
pub fn rules() -> &'static Suppressions {
    &loaded().rules
}

/// What was wrong with the options and the files they name, a sentence each.
pub fn complaints() -> impl Iterator<Item = &'static str> {
    config::get()
        .complaints
        .iter()
        .chain(&loaded().complaints)
        .map(String::as_str)
}

fn loaded() -> &'static Loaded {
    static LOADED: OnceBox<Loaded> = OnceBox::new();
    let load = || {
        let files = config::get().suppress.iter().map(|path| (printable(path), text(path)));
        let (rules, complaints) = Suppressions::load(files);
        Box::new(Loaded { rules, complaints })
    };
    LOADED.get_or_init(|| allocator::with_lasting(load))
}

/// The text of a suppression file. Only regular files are read: a FIFO gives its content to only one process, and a device may
/// never end.
fn text(path: &[u8]) -> Result<Vec<u8>, String> {
    let path = CString::new(path).map_err(|_holds_a_nul| reason(Errno::INVAL))?;
    let status = stat(&path).map_err(reason)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err("it is a directory".to_owned()),
        FileType::Fifo => return Err("it is a FIFO".to_owned()),
        FileType::Socket => return Err("it is a socket".to_owned()),
        _ => return Err("it is a device".to_owned()),
    }
    read_whole(&path).ok_or_else(|| "permission denied, or it is longer than 64 MiB".to_owned())
}
