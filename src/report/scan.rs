//! Reads all inputs with several threads and merges what they saw.

use std::env;
use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use rustc_hash::FxHashMap;

use super::gather::forks::{self, Outcomes};
use super::gather::{Gathered, Wanted};
use super::progress::Progress;
use super::read::inputs::{Input, unreadable};
use super::read::patience::{self, Patient};
use super::read::{range, stream, unpack};

/// More threads than this only wait for the disk or for memory.
const MAX_THREADS: usize = 8;

/// What was read.
#[derive(Debug)]
pub struct Scanned<'wanted> {
    /// All records.
    pub gathered: Gathered<'wanted>,
    /// The outcome of the forks, by fingerprint number.
    pub outcomes: FxHashMap<u32, Outcomes>,
    /// The first invalid lines: the number of the file, the line in it from 1, and why.
    pub broken: Vec<(usize, u64, String)>,
    /// A sentence for each input that could not be read to its end.
    pub problems: Vec<String>,
}

/// One piece of work.
#[derive(Clone, Copy, Debug)]
struct Job {
    input: usize,
    /// The part of a plain file; `None` where one thread must read it all.
    part: Option<usize>,
}

/// Shared by all threads.
struct Work<'inputs> {
    inputs: &'inputs [Input],
    jobs: Vec<Job>,
    next: AtomicUsize,
    bytes: AtomicU64,
    problems: Mutex<Vec<(usize, String)>>,
    /// Lines of each part, so that an invalid line can be reported by its number in the file.
    lines: Mutex<Vec<(usize, usize, u64)>>,
}

/// Reads everything.
pub fn scan<'wanted>(inputs: &[Input], wanted: &'wanted Wanted) -> Scanned<'wanted> {
    let threads = thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(1, MAX_THREADS);
    let work = Work {
        inputs,
        jobs: jobs(inputs),
        next: AtomicUsize::new(0),
        bytes: AtomicU64::new(0),
        problems: Mutex::default(),
        lines: Mutex::default(),
    };
    let progress = Progress::new(inputs.iter().filter_map(|input| input.size).sum());
    let mut seen: Vec<Gathered<'_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(work.jobs.len()))
            .map(|_| scope.spawn(|| one_thread(&work, wanted)))
            .collect();
        progress.follow(&work.bytes, || workers.iter().all(|worker| worker.is_finished()));
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a reading thread does not panic"))
            .collect()
    });
    let mut gathered = Gathered::new(wanted);
    let halves = seen.drain(..).map(|seen| gathered.merge(seen)).collect();
    let outcomes = forks::join(halves, threads);
    let lines = work.lines.into_inner().expect("no thread panics");
    let before = |place: &super::gather::broken::Place| -> u64 {
        lines
            .iter()
            .filter(|(input, part, _)| *input == place.input && *part < place.part)
            .map(|(_, _, lines)| lines)
            .sum()
    };
    let broken = gathered
        .broken
        .first
        .iter()
        .map(|broken| {
            let line = before(&broken.place) + broken.place.line + 1;
            (broken.place.input, line, broken.why.clone())
        })
        .collect();
    let mut problems = work.problems.into_inner().expect("no thread panics");
    problems.sort();
    if let Some(fault) = gathered.spools.iter_mut().find_map(|spool| spool.fault.take()) {
        let folder = env::temp_dir();
        problems.push((
            0,
            format!(
                "examples from input that can be read only once cannot be kept in {}: {fault}; set TMPDIR to a directory \
                 with free space",
                folder.display()
            ),
        ));
    }
    Scanned {
        gathered,
        outcomes,
        broken,
        problems: problems.into_iter().map(|(_, problem)| problem).collect(),
    }
}

/// Inputs that only one thread can read come first, so that the others do not wait for them at the end.
fn jobs(inputs: &[Input]) -> Vec<Job> {
    let whole = |(input, found): (usize, &Input)| found.size.is_none().then_some(Job { input, part: None });
    let mut jobs: Vec<Job> = inputs.iter().enumerate().filter_map(whole).collect();
    for (input, found) in inputs.iter().enumerate() {
        let parts = usize::try_from(found.size.unwrap_or(0).div_ceil(range::PART)).unwrap_or(usize::MAX);
        jobs.extend((0..parts).map(|part| Job {
            input,
            part: Some(part),
        }));
    }
    jobs
}

fn one_thread<'wanted>(work: &Work<'_>, wanted: &'wanted Wanted) -> Gathered<'wanted> {
    let mut gathered = Gathered::new(wanted);
    let mut buffer = range::Buffer::default();
    let mut open: Option<(usize, File)> = None;
    let mut lines = Vec::new();
    let mut refused = None;
    while let Some(job) = work.jobs.get(work.next.fetch_add(1, Ordering::Relaxed)) {
        if refused == Some(job.input) {
            continue;
        }
        gathered.begin(job.input, job.part);
        let input = &work.inputs[job.input];
        let result = match job.part {
            None => whole(input, work, &mut gathered),
            Some(part) => one_part(job.input, part, input, work, &mut open, &mut buffer, &mut gathered),
        };
        if let Some(part) = job.part {
            lines.push((job.input, part, gathered.lines_seen()));
        }
        if let Err(error) = result {
            refused = Some(job.input);
            let problem = (job.input, unreadable(&input.path, &error));
            let mut problems = work.problems.lock().expect("no thread panics");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    work.lines.lock().expect("no thread panics").extend(lines);
    gathered
}

/// A pipe, a packed file or standard input.
fn whole(input: &Input, work: &Work<'_>, gathered: &mut Gathered<'_>) -> io::Result<()> {
    let read = |bytes| {
        work.bytes.fetch_add(bytes, Ordering::Relaxed);
    };
    if input.is_standard_input() {
        let source = Patient::new(io::stdin().lock(), "standard input");
        stream::lines(unpack::reader(source)?, gathered, read)
    } else {
        stream::lines(unpack::reader(patience::open(&input.path)?)?, gathered, read)
    }
}

fn one_part(
    number: usize,
    part: usize,
    input: &Input,
    work: &Work<'_>,
    open: &mut Option<(usize, File)>,
    buffer: &mut range::Buffer,
    gathered: &mut Gathered<'_>,
) -> io::Result<()> {
    if open.as_ref().is_none_or(|(known, _)| *known != number) {
        *open = Some((number, File::open(&input.path)?));
    }
    let Some((_, file)) = open else { return Ok(()) };
    let start = part as u64 * range::PART;
    let end = input.size.unwrap_or(0).min(start + range::PART);
    let read = range::lines(file, start, end, buffer, gathered)?;
    work.bytes.fetch_add(read, Ordering::Relaxed);
    Ok(())
}
