//! The folder of the `forkwatch run` above a program, which gets every record in addition to any other destination.

use std::ffi::CString;

use forkwatch_schema::line::{line, shortest_line};
use forkwatch_schema::record::Record;
use forkwatch_schema::run_folder::{Note, RunFolder};
use rustix::io::Errno;

use crate::file::append_to_existing;

/// Beyond this many bytes, records are kept without their lists, so that thousands of workers do not fill the disk.
const MAX_FULL_RECORD_BYTES: u64 = 16 << 20;

/// Keeps a record. Fails if the command has ended, so that nobody would read it, or if this process may not write there.
pub fn keep(folder: &RunFolder, record: &Record) -> Result<(), Errno> {
    append_to_existing(&c_path(folder.records())?, |size| {
        if size < MAX_FULL_RECORD_BYTES {
            line(record)
        } else {
            shortest_line(record)
        }
    })
}

/// Keeps a note. Errors as in [`keep`].
pub fn note(folder: &RunFolder, note: Note<'_>) -> Result<(), Errno> {
    append_to_existing(&c_path(folder.notes())?, |_| Some(note.to_string().into_bytes()))
}

fn c_path(path: Vec<u8>) -> Result<CString, Errno> {
    CString::new(path).map_err(|_holds_a_nul| Errno::INVAL)
}
