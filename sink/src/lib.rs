//! Writes findings to their destinations. No descriptor stays open: a sink opens, writes and closes, so that a program that
//! closes every descriptor, changes its root or drops privileges keeps working. No sink blocks: what a full pipe or a slow reader
//! does not take is lost, and the program continues.
//!
//! * [`mod@file`]: files, FIFOs and descriptors; [`socket`]: datagrams.
//! * [`state`]: what is known about a sink from one record to the next.
//! * [`signals`]: blocks the signals that our writes may raise.
//! * [`names`]: how a static command looks up names of hosts.
//! * [`run_folder`]: the folder of the `forkwatch run` above.
//! * [`reason`]: why a sink could not be written to, in words.
//!
//! Every call here is a raw system call, which is not a cancellation point. The library calls this in any thread of a program, so
//! what is forbidden there is forbidden here too (`clippy.toml`).
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests live in no watched program"
    )
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod file;
pub mod names;
pub mod reason;
pub mod run_folder;
mod signals;
pub mod socket;
pub mod state;

use std::ffi::CString;

use forkwatch_schema::destination::{Destination, descriptor_of};
use forkwatch_schema::line::line;
use forkwatch_schema::log_path::Marks;
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Record;
use forkwatch_schema::{journal, log_path};
use rustix::io::Errno;

pub use state::State;

/// Writes a record to its destination.
pub fn write_record(to: &Destination, record: &Record, state: &State) -> Result<(), Errno> {
    let Some(line) = line(record) else { return Ok(()) };
    let marks = Marks {
        pid: record.pid,
        host: &record.host,
        program: base_name(&record.exe),
    };
    match to {
        Destination::File(path) => append(path, marks, &line, state),
        Destination::Descriptor(number) => file::write_to_number(*number, &line, state),
        Destination::Socket(path) => socket::send(&c_path(path, marks)?, &line),
        Destination::Journal => {
            let path = CString::new(journal::SOCKET).map_err(|_holds_a_nul| Errno::INVAL)?;
            socket::send(&path, &journal::entry(record, &line))
        }
    }
}

/// Appends a text to the file at this path, after expanding its marks.
pub fn append(path: &[u8], marks: Marks<'_>, text: &[u8], state: &State) -> Result<(), Errno> {
    if let Some(number) = descriptor_of(path) {
        return file::write_to_number_patiently(number, text, state);
    }
    file::append(&c_path(path, marks)?, text, state)
}

fn c_path(path: &[u8], marks: Marks<'_>) -> Result<CString, Errno> {
    CString::new(log_path::expand(path, marks)).map_err(|_holds_a_nul| Errno::INVAL)
}
