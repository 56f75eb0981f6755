//! Input that is read as it arrives: a pipe, a FIFO, a terminal. A message says that the command is waiting for it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use forkwatch_text::harmless::harmless;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::message::{Failure, say};

/// The message appears after this time without input.
const PATIENCE: Duration = Duration::from_secs(2);

/// A source that reports once that it is waiting.
#[derive(Debug)]
pub struct Patient<S> {
    source: S,
    name: String,
    was_said: bool,
}

impl<S> Patient<S> {
    /// Such a source, and its name.
    pub fn new(source: S, name: impl Into<String>) -> Self {
        Self {
            source,
            name: name.into(),
            was_said: false,
        }
    }
}

impl<S: Read + AsFd> Read for Patient<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.was_said && !is_ready(&self.source)? {
            self.was_said = true;
            say(&Failure::usage(harmless(&format!(
                "waiting for {}; the report follows when it ends",
                self.name
            ))));
        }
        self.source.read(buffer)
    }
}

/// Whether it has input or ends within this time.
fn is_ready(source: &impl AsFd) -> io::Result<bool> {
    let time = Timespec::try_from(PATIENCE).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(source, PollFlags::IN)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file that is read from front to back. Opening a FIFO does not wait for its writer, because no message could be shown
/// then.
pub fn open(path: &Path) -> io::Result<Patient<File>> {
    let mut options = File::options();
    options.read(true);
    let name = path.display().to_string();
    if !path.metadata()?.file_type().is_fifo() {
        return Ok(Patient::new(options.open(path)?, name));
    }
    let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let mut waiting = Patient::new(file, name);
    // Without a writer, a read returns the end of the file; only the first byte shows that there is one.
    while !is_ready(&waiting.source)? {
        if !waiting.was_said {
            waiting.was_said = true;
            say(&Failure::usage(harmless(&format!(
                "waiting for {}, a FIFO that nobody writes to yet; the report follows when it ends",
                waiting.name
            ))));
        }
    }
    fcntl_setfl(&waiting.source, fcntl_getfl(&waiting.source)? - OFlags::NONBLOCK)?;
    Ok(waiting)
}
