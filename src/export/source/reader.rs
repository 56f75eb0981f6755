//! Reads all logs in a thread of its own, once or as they grow, and waits while the sender has enough.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Message;
use super::known::Known;
use super::log::{self, Found, Log};
use super::logs::{Logs, close_some};
use super::mark::LogName;
use super::wake::Wake;
use crate::export::select::Selection;
use crate::export::stop::{Stop, Woken};
use crate::report::read::inputs::{self, unreadable};

/// How long a log that has lost its name is still read: its writer may not have noticed yet.
const FAREWELL: Duration = Duration::from_secs(60);

/// Several changes that follow each other are looked at together.
const PAUSE: Duration = Duration::from_millis(100);

/// A compressed file that was written to so recently is not complete.
const IN_THE_MAKING: Duration = Duration::from_secs(2);

/// What it needs to know.
#[derive(Debug)]
pub struct Reader {
    /// The paths on the command line.
    pub paths: Vec<OsString>,
    /// Which records are wanted.
    pub selection: Arc<Selection>,
    /// What was read before; `None` if everything is read, whatever was.
    pub known: Option<Known>,
    /// Whether to go on at the end.
    pub follows: bool,
    /// A file of ours that may lie among the logs.
    pub own: Option<PathBuf>,
    /// Ends everything.
    pub stop: Stop,
    /// Where the records go.
    pub out: SyncSender<Message>,
}

/// Nobody receives what is read.
struct Alone;

/// Tells if the thread panics: whoever waits for its messages would wait for ever.
struct Farewell(SyncSender<Message>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if thread::panicking() {
            let _nobody_to_tell = self.0.send(Message::Failed);
        }
    }
}

impl Reader {
    /// Reads until the end, of the logs or of everything.
    pub fn run(mut self) {
        let _if_it_fails = Farewell(self.out.clone());
        let _nobody_to_tell = self.read();
    }

    fn read(&mut self) -> Result<(), Alone> {
        let (mut logs, mut told, mut pipes) = (Logs::new(), HashSet::new(), Vec::new());
        let mut wake = Wake::new();
        let mut is_first = true;
        loop {
            let began = Instant::now();
            wake.forget();
            if self.follows {
                wake.watch(&self.paths);
            }
            let files = self.look(&mut logs, &mut told, is_first.then_some(&mut pipes))?;
            is_first = false;
            // Only pipes: they have an end.
            let is_all = !pipes.is_empty() && pipes.len() as u64 == files && self.paths.len() == pipes.len();
            if !self.follows || is_all {
                break;
            }
            close_some(&mut logs);
            // Looking at very many logs costs time: it must not take all of it.
            let pause = PAUSE.max(began.elapsed() * 4);
            if self.stop.wait(pause) == Woken::Stop || wake.wait(&self.stop) == Woken::Stop {
                break;
            }
        }
        for pipe in pipes {
            pipe.join().map_err(|_panicked| Alone)?;
        }
        let unfinished = logs.values().filter(|(log, _)| log.is_unfinished).count() as u64;
        if unfinished > 0 {
            self.say(Message::Unfinished(unfinished))?;
        }
        self.say(Message::End)
    }

    fn say(&self, message: Message) -> Result<(), Alone> {
        self.out.send(message).map_err(|_| Alone)
    }

    /// Looks at everything once. Returns how many inputs there are. Pipes are read where `pipes` is given.
    fn look(
        &mut self,
        logs: &mut Logs,
        told: &mut HashSet<String>,
        mut pipes: Option<&mut Vec<JoinHandle<()>>>,
    ) -> Result<u64, Alone> {
        let (inputs, problems) = inputs::find(&self.paths);
        for problem in problems {
            self.tell(problem, told)?;
        }
        let now = Instant::now();
        let mut count = 0;
        for input in &inputs {
            if self.stop.is_asked_for() {
                break;
            }
            if self.is_own(&input.path) {
                continue;
            }
            count += 1;
            let is_file = !input.is_standard_input() && fs::metadata(&input.path).is_ok_and(|data| data.is_file());
            let result = if is_file {
                self.visit(&input.path, logs, now)
            } else if let Some(pipes) = pipes.as_deref_mut() {
                self.pipe(&input.path, pipes)
            } else {
                Ok(true)
            };
            self.heed(result, &input.path, told)?;
        }
        // Those without a name, but with lines that came last.
        let lost = logs.values_mut().filter(|(_, seen)| *seen < now);
        let mut results = Vec::new();
        for (log, _) in lost {
            let Some(file) = log.file.take() else { continue };
            let has_more = file.metadata().is_ok_and(|data| log::shape(&data) != log.shape) && log.goes_on(&file);
            log.file = Some(file);
            if has_more {
                results.push((log.read(&self.selection, &self.out), log.name.path.clone()));
                note(&mut self.known, log);
            }
        }
        for (result, path) in results {
            self.heed(result, &path, told)?;
        }
        let mut gone = Vec::new();
        logs.retain(|_, (log, seen)| {
            let is_here = *seen >= now || (log.file.is_some() && seen.elapsed() < FAREWELL);
            if !is_here {
                gone.push(Message::Gone(Arc::clone(&log.name)));
            }
            is_here
        });
        gone.into_iter().try_for_each(|gone| self.say(gone))?;
        Ok(count)
    }

    fn is_own(&self, path: &Path) -> bool {
        let Some(own) = &self.own else { return false };
        path.file_name() == own.file_name() && fs::canonicalize(path).ok() == fs::canonicalize(own).ok()
    }

    fn heed(&self, result: io::Result<bool>, path: &Path, told: &mut HashSet<String>) -> Result<(), Alone> {
        match result {
            Ok(true) => Ok(()),
            Ok(false) => Err(Alone),
            // It was there a moment ago, and was moved: it is found under its new name.
            Err(error) if self.follows && error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => self.tell(unreadable(path, &error), told),
        }
    }

    fn tell(&self, problem: String, told: &mut HashSet<String>) -> Result<(), Alone> {
        if told.insert(problem.clone()) {
            self.say(Message::Problem(problem))?;
        }
        Ok(())
    }

    /// Reads what is new in a file.
    fn visit(&mut self, path: &Path, logs: &mut Logs, now: Instant) -> io::Result<bool> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        if let Some((log, seen)) = logs.get_mut(&key) {
            *seen = now;
            log.call(path);
            if log.shape == log::shape(&metadata) {
                return Ok(true);
            }
            if log.name.identity.is_some() && log.goes_on(&file) {
                log.file = Some(file);
                let result = log.read(&self.selection, &self.out);
                note(&mut self.known, log);
                return result;
            }
            // Truncated, or written anew, or it had no line.
            logs.remove(&key);
        }
        let known = self.known.as_ref();
        let packed = known.and_then(|known| known.end_of_packed(key.0, key.1, log::packed(&metadata)));
        if let Some((identity, mark)) = packed {
            let path = path.to_owned();
            let name = LogName {
                path,
                identity: Some(identity),
            };
            let mut log = Log::known(name, mark);
            log.shape = log::shape(&metadata);
            let before = Message::ReadBefore(Arc::clone(&log.name), mark);
            logs.insert(key, (log, now));
            return Ok(self.out.send(before).is_ok());
        }
        let is_packed = log::is_packed(&file)?;
        let is_new = metadata.modified()?.elapsed().is_ok_and(|age| age < IN_THE_MAKING);
        if self.follows && is_packed && is_new {
            return Ok(true);
        }
        let Some(Found { mut log, was_known }) = log::find(path, file, known)? else {
            // The first line is not complete.
            let mut log = Log::without_identity(path.to_owned());
            (log.is_unfinished, log.shape) = (metadata.len() > 0, log::shape(&metadata));
            logs.insert(key, (log, now));
            return Ok(true);
        };
        let before = Message::ReadBefore(Arc::clone(&log.name), log.mark);
        if was_known && self.out.send(before).is_err() {
            return Ok(false);
        }
        let result = log.read(&self.selection, &self.out);
        note(&mut self.known, &log);
        if !self.follows {
            log.file = None;
        }
        logs.insert(key, (log, now));
        result
    }

    /// Reads a pipe to its end; when following, beside everything else.
    fn pipe(&self, path: &Path, pipes: &mut Vec<JoinHandle<()>>) -> io::Result<bool> {
        let mut log = Log::without_identity(path.to_owned());
        let (selection, out) = (Arc::clone(&self.selection), self.out.clone());
        let (path, path_of_thread) = (path.to_owned(), path.to_owned());
        let mut read = move || {
            let result = if path.as_os_str() == "-" {
                log.read_from(io::stdin().lock(), &selection, &out)
            } else {
                log.read_from(File::open(&path)?, &selection, &out)
            };
            let unfinished = u64::from(log.is_unfinished);
            if result.is_ok() && unfinished > 0 {
                return Ok(out.send(Message::Unfinished(unfinished)).is_ok());
            }
            result
        };
        if !self.follows {
            return read();
        }
        let (out, path) = (self.out.clone(), path_of_thread);
        pipes.push(thread::spawn(move || {
            if let Err(error) = read() {
                let _nobody_to_tell = out.send(Message::Problem(unreadable(&path, &error)));
            }
        }));
        Ok(true)
    }
}

fn note(known: &mut Option<Known>, log: &Log) {
    if let Some(known) = known {
        known.note(&log.name, log.mark);
    }
}
