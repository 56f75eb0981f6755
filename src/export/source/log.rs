//! One log: what it is, where it goes on, and what is new in it.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::Message;
use super::known::Known;
use super::lines::Collector;
use super::mark::{Identity, LogName, Mark, Packed};
use crate::export::id::Id;
use crate::export::item::Item;
use crate::export::select::Selection;
use crate::report::read::{MAX_LINE, stream, unpack};

/// What does not change while nobody writes.
pub type Shape = (u64, i64, i64);

/// A log that is read, maybe again and again.
#[derive(Debug)]
pub struct Log {
    /// What to call it.
    pub name: Arc<LogName>,
    /// Open as long as it may grow: it may have lost its name by then.
    pub file: Option<File>,
    /// What it was like when it was read.
    pub shape: Shape,
    /// Where it goes on.
    pub mark: Mark,
    /// Whether it ends in the middle of a line.
    pub is_unfinished: bool,
}

/// What was found at a path.
#[derive(Debug)]
pub struct Found {
    /// The log, which goes on at the place where it was left.
    pub log: Log,
    /// Whether it was read before under another identity or in another run.
    pub was_known: bool,
}

/// What a file looks like.
pub fn shape(metadata: &Metadata) -> Shape {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// Whether a file is compressed.
pub fn is_packed(file: &File) -> io::Result<bool> {
    let mut start = [0; 4];
    let bytes = file.read_at(&mut start, 0)?;
    Ok(unpack::is_packed(&start[..bytes]))
}

/// What a compressed file is known by.
pub fn packed(metadata: &Metadata) -> Packed {
    Packed {
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    }
}

/// The log in a file; `None` if it has no line yet, so that it cannot be told from others.
pub fn find(path: &Path, file: File, known: Option<&Known>) -> io::Result<Option<Found>> {
    let (metadata, is_packed) = (file.metadata()?, is_packed(&file)?);
    let Some(head) = head(&file)? else { return Ok(None) };
    let identity = Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
        head,
        packed: is_packed.then_some(packed(&metadata)),
    };
    let mark = known.and_then(|known| known.find(&identity, |mark| holds(&file, is_packed, mark).unwrap_or(false)));
    let log = Log {
        name: Arc::new(LogName {
            path: path.to_owned(),
            identity: Some(identity),
        }),
        file: Some(file),
        // Not this one: nothing was read yet.
        shape: (0, 0, 0),
        mark: mark.unwrap_or_default(),
        is_unfinished: false,
    };
    Ok(Some(Found {
        log,
        was_known: mark.is_some(),
    }))
}

/// The content from its beginning, decompressed.
fn content(file: &File) -> io::Result<Box<dyn Read + '_>> {
    let mut source = file;
    source.seek(SeekFrom::Start(0))?;
    unpack::reader(source)
}

/// The hash of the first line, if that is whole.
fn head(file: &File) -> io::Result<Option<Id>> {
    let mut line = Vec::new();
    let mut source = BufReader::new(content(file)?.take(MAX_LINE as u64));
    source.read_until(b'\n', &mut line)?;
    let text = line.trim_ascii();
    // The last line of a log may have no end.
    let is_whole = line.ends_with(b"\n") || line.len() == MAX_LINE;
    let id = Id::of(text);
    Ok((is_whole || Item::parse(text, id, Mark::default()).is_ok()).then_some(id))
}

/// Whether the line before a place is there.
fn holds(file: &File, is_packed: bool, mark: &Mark) -> io::Result<bool> {
    let Ok(length @ ..=MAX_LINE) = usize::try_from(mark.last_bytes) else {
        return Ok(false);
    };
    let mut line = vec![0; length];
    if is_packed {
        let mut source = content(file)?;
        skip(&mut source, mark.last_at)?;
        source.read_exact(&mut line)?;
    } else {
        if file.metadata()?.len() < mark.end {
            return Ok(false);
        }
        file.read_exact_at(&mut line, mark.last_at)?;
    }
    Ok(Id::of(&line) == mark.last)
}

fn skip(source: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut source.take(bytes), &mut io::sink()).map(drop)
}

impl Log {
    /// A log of which nothing is to be read now.
    pub fn known(name: LogName, mark: Mark) -> Self {
        Self {
            name: Arc::new(name),
            file: None,
            shape: (0, 0, 0),
            mark,
            is_unfinished: false,
        }
    }

    /// A pipe, which is read once and has no place, or a file without a line.
    pub fn without_identity(path: PathBuf) -> Self {
        Self::known(LogName { path, identity: None }, Mark::default())
    }

    /// Whether it is still what was read: it was neither truncated nor written anew.
    pub fn goes_on(&self, file: &File) -> bool {
        let is_packed = self.name.identity.is_some_and(|identity| identity.packed.is_some());
        // A compressed file is never appended to.
        !is_packed && (self.mark.end == 0 || holds(file, false, &self.mark).unwrap_or(false))
    }

    /// Notes its path of now.
    pub fn call(&mut self, path: &Path) {
        if self.name.path != path {
            let identity = self.name.identity;
            let path = path.to_owned();
            self.name = Arc::new(LogName { path, identity });
        }
    }

    /// Passes on what is new in it. Returns whether somebody receives it.
    pub fn read(&mut self, selection: &Selection, out: &SyncSender<Message>) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(true) };
        self.shape = shape(&file.metadata()?);
        let is_packed = self.name.identity.is_some_and(|identity| identity.packed.is_some());
        let mut source: Box<dyn Read> = if is_packed {
            let mut source = content(file)?;
            skip(&mut source, self.mark.end)?;
            source
        } else {
            let mut source = file;
            source.seek(SeekFrom::Start(self.mark.end))?;
            Box::new(source)
        };
        let mut lines = Collector::new(selection, out, Arc::clone(&self.name), self.mark);
        let result = stream::lines(&mut source, &mut lines, |_| ());
        // The lines before a fault are sound.
        lines.pass_on();
        let is_alone = lines.is_alone;
        (self.mark, self.is_unfinished) = (lines.mark, lines.is_unfinished);
        result.map(|()| !is_alone)
    }

    /// Passes on what comes through a pipe. Returns whether somebody receives it.
    pub fn read_from(
        &mut self,
        source: impl Read,
        selection: &Selection,
        out: &SyncSender<Message>,
    ) -> io::Result<bool> {
        let mut lines = Collector::new(selection, out, Arc::clone(&self.name), self.mark);
        let result = stream::lines(unpack::reader(source)?, &mut lines, |_| ());
        lines.pass_on();
        self.is_unfinished = lines.is_unfinished;
        let is_alone = lines.is_alone;
        result.map(|()| !is_alone)
    }
}
