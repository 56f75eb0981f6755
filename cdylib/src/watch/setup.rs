//! What is made once from the options: the rules, and the context that the program may change while it runs.

use std::ffi::CString;

use forkwatch_process::file::read_whole;
use forkwatch_schema::suppressions::Suppressions;
use lock_api::Mutex;
use once_cell::race::OnceBox;
use rustix::fs::{FileType, stat};
use rustix::io::Errno;

use super::{fork, thread};
use crate::config;
use crate::record::printable::printable;
use crate::sink::reason;
use crate::state::thread::Thread;
use crate::system::allocator;
use crate::system::errno::KeepErrno;
use crate::system::own_lock::OwnLock;

/// The most bytes of a context that are kept.
const MAX_CONTEXT: usize = 1024;

struct Setup {
    suppressions: Suppressions,
    complaints: Vec<String>,
}

static SETUP: OnceBox<Setup> = OnceBox::new();
/// What `forkwatch_set_context` set; `None` inside `Some` where it was cleared.
static CONTEXT: Mutex<OwnLock, Option<Option<Vec<u8>>>> = Mutex::new(None);

/// The rules of all suppression files.
pub fn suppressions() -> &'static Suppressions {
    &setup().suppressions
}

/// What was wrong with the options and the files they name, a sentence each.
pub fn complaints() -> impl Iterator<Item = &'static str> {
    config::get()
        .complaints
        .iter()
        .chain(&setup().complaints)
        .map(String::as_str)
}

/// The context of the moment.
pub fn context() -> Option<Vec<u8>> {
    match CONTEXT.lock().as_ref() {
        Some(set) => set.clone(),
        None => config::get().context.clone(),
    }
}

/// Sets the context from now on.
pub fn set_context(text: Option<&[u8]>) {
    let _errno = KeepErrno::as_it_is();
    if thread::current().is_none() && Thread::even_if_busy().is_some() {
        // Called by a signal handler that interrupted our own code, which may hold the lock that is taken below.
        return;
    }
    // Held by nobody at any copy, because no fork can be under way in here.
    fork::while_no_fork(|| {
        let text = text.map(|text| text.get(..MAX_CONTEXT).unwrap_or(text));
        *CONTEXT.lock() = Some(allocator::with_lasting(|| text.map(<[u8]>::to_vec)));
    });
}

/// The rules in a file. Nothing else is read: a FIFO has them once for all processes, and a device has no end.
fn rules(path: &[u8]) -> Result<Vec<u8>, String> {
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

fn setup() -> &'static Setup {
    let make = || {
        let files = config::get().suppress.iter().map(|path| (printable(path), rules(path)));
        let (suppressions, complaints) = Suppressions::load(files);
        Box::new(Setup {
            suppressions,
            complaints,
        })
    };
    SETUP.get_or_init(|| allocator::with_lasting(make))
}
