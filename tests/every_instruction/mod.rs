//! A signal at every instruction of the library's: its handler locks, forks, creates a thread or jumps away, and afterwards
//! the library must know what it would have known without.
//!
//! [`debugger`] follows the program `robust_every_instruction` through one call, and sends the signal at another instruction
//! in each turn. After each turn the program says which locks its thread holds, by the locks' own memory, and forks, so that a
//! record says which ones the library knows. Both must be the same. Long ways are sampled, unless `FORKWATCH_TEST_EVERY`
//! is set, as `scripts/every-instruction` does.

mod debugger;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use forkwatch_schema::record::{Detail, Record};
use nix::sys::signal::Signal;

use self::debugger::{Debugger, Instruction, Place, Sent};
use crate::support::library::library;
use crate::support::process::Folder;
use crate::support::program::{Language, Program};
use crate::support::records;

const PROGRAM: &str = "robust_every_instruction";

/// The programs that are tested here.
pub const NAMES: &[&str] = &[PROGRAM];

/// Turns before the first one that is looked at: then what happens once has happened.
const WARM_UP: usize = 3;

/// A path of at most this many instructions is interrupted at each of them.
const SHORT: usize = 400;

/// Turns whose path is recorded: the shortest counts, as in one of them the library may do what it does once in a while.
const COMPARED: usize = 3;

/// How often a path that has become another one is recorded anew.
const MAX_RECORDED: usize = 8;

/// Runs of the program, until not too many instructions were missed.
const ATTEMPTS: usize = 5;

/// Of a longer path, this many instructions are taken, evenly, unless `FORKWATCH_TEST_EVERY` is set.
const SAMPLES: usize = 120;

/// What the library knows of the program's thread after one turn, and what is so.
struct Turn {
    held: BTreeSet<String>,
    /// Locks that may be held or not, as nobody knows how far the call came.
    open: BTreeSet<String>,
    known: Option<BTreeSet<String>>,
}

/// The library that is tested: another one, where `FORKWATCH_TEST_LIBRARY` names it.
fn tested() -> PathBuf {
    std::env::var_os("FORKWATCH_TEST_LIBRARY").map_or_else(library, PathBuf::from)
}

/// One call, interrupted by one handler: all that is wrong.
fn wrongs(call: &str, handler: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for _ in 0..ATTEMPTS {
        let missed;
        (found, missed) = interrupt(call, handler)?;
        let Some(missed) = missed else { break };
        let was_right_otherwise = found.is_empty();
        found.push(missed);
        if !was_right_otherwise {
            break;
        }
    }
    Ok(found)
}

/// One run of the program: what is wrong, and whether too many instructions were missed. That says nothing about the library: the path
/// that was recorded may be a rare one, such as that of a turn in which a table grows.
fn interrupt(call: &str, handler: &str) -> Result<(Vec<String>, Option<String>), String> {
    let program = Program::ready(Language::C, PROGRAM)?;
    let folder = Folder::new(&format!("{PROGRAM}-{call}-{handler}"));
    let (log, said) = (folder.join("log"), folder.join("stdout"));
    let library = tested();
    let mut command: Command = program.starts[0].command(&[call.into(), handler.into()]);
    command
        .env("LD_PRELOAD", &library)
        .env("FORKWATCH_LOG", &log)
        .env("FORKWATCH_TEXT", "off")
        .env("FORKWATCH_SYMBOLS", "off")
        .env("FORKWATCH_REPEAT", "all")
        .stdin(Stdio::null())
        .stdout(File::create(&said).map_err(|error| error.to_string())?)
        .stderr(File::create(folder.join("stderr")).map_err(|error| error.to_string())?);
    let debugger = Debugger::start(&mut command, &library.display().to_string())?;
    let reported = |error: String| {
        let stderr = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
        format!("{error}; {stderr}")
    };
    for _ in 0..WARM_UP {
        to_next_turn(&debugger).map_err(reported)?;
    }
    let mut way = debugger.record().map_err(reported)?;
    for _ in 1..COMPARED {
        to_next_turn(&debugger).map_err(reported)?;
        let another = debugger.record().map_err(reported)?;
        if another.len() < way.len() {
            way = another;
        }
    }
    let mut chosen = choose(&way);
    let mut sent = vec![(None, Sent::Missed); WARM_UP + COMPARED];
    let (mut number, mut recorded) = (0, 1);
    while let Some(&at) = chosen.get(number) {
        debugger.go_to_trap().map_err(reported)?;
        let came = if way.len() <= SHORT {
            debugger.send_at_number(Signal::SIGUSR1, number)
        } else {
            debugger.send_at(Signal::SIGUSR1, at)
        };
        let came = came.map_err(|error| reported(format!("signal at +{:#x}: {error}", debugger.offset(at))))?;
        sent.push((Some(at), came));
        number += 1;
        // The cache of stacks may find a stack at once in one turn and only as the second in the next, depending on where the stack
        // lies: then the path is another one, from now on.
        if came == Sent::Missed && way.len() <= SHORT && recorded < MAX_RECORDED {
            to_next_turn(&debugger).map_err(reported)?;
            way = debugger.record().map_err(reported)?;
            chosen = choose(&way);
            sent.push((None, Sent::Missed));
            recorded += 1;
        }
    }
    let count = |which| sent.iter().filter(|(at, came)| at.is_some() && *came == which).count();
    let (there, blocked, missed) = (count(Sent::There), count(Sent::Blocked), count(Sent::Missed));
    println!(
        "{call}, {handler}: {} instructions, {} chosen, {there} interrupted, {blocked} blocked, {missed} missed",
        way.len(),
        chosen.len()
    );
    let mut wrongs = Vec::new();
    let too_many =
        (missed * 4 > chosen.len()).then(|| format!("{missed} of {} instructions were missed", chosen.len()));
    debugger.go_to_trap().map_err(reported)?;
    debugger.answer(0)?;
    let offset = |at: Option<Instruction>| at.map(|at| format!("+{:#x}", debugger.offset(at)));
    let offsets: Vec<_> = sent.iter().map(|(at, _)| offset(*at)).collect();
    match debugger.finish() {
        Ok(0) => {}
        other => wrongs.push(reported(format!("the program's end: {other:?}"))),
    }
    let turns = turns(&fs::read_to_string(&said).unwrap_or_default(), &log)?;
    if turns.len() < sent.len() {
        wrongs.push(format!("{} turns instead of {}", turns.len(), sent.len()));
    }
    for (turn, offset) in turns.iter().zip(&offsets) {
        let known = turn.known.as_ref().map(|known| known - &turn.open);
        if known.as_ref() != Some(&turn.held) {
            wrongs.push(format!("{offset:?}: held {:?}, known {:?}", turn.held, known));
        }
    }
    Ok((wrongs, too_many))
}

/// Lets a turn pass, up to the trap at which the next one begins.
fn to_next_turn(debugger: &Debugger) -> Result<(), String> {
    while debugger.go_to_trap()? != Place::Begin {}
    Ok(())
}

/// The instructions that are interrupted. Of a long way, each at its first visit, as not every turn comes by as often; or some.
fn choose(way: &[Instruction]) -> Vec<Instruction> {
    if way.len() <= SHORT {
        return way.to_vec();
    }
    let first: Vec<_> = way.iter().copied().filter(|at| at.visits == 0).collect();
    if std::env::var_os("FORKWATCH_TEST_EVERY").is_some() {
        return first;
    }
    let samples = SAMPLES.min(first.len());
    (0..samples)
        .map(|sample| first[sample * first.len() / samples])
        .collect()
}

/// What the program and the log say of each turn.
fn turns(said: &str, log: &Path) -> Result<Vec<Turn>, String> {
    let lines = records::read(log)?;
    let records = lines.iter().filter_map(|line| line.record.as_ref());
    let mut known = records.filter(|record| record.thread == "checker").filter_map(known);
    let turns = said.lines().map(|line| {
        let (open, held): (Vec<_>, Vec<_>) = line.split(' ').skip(1).partition(|address| address.starts_with('~'));
        Turn {
            held: held.into_iter().map(str::to_owned).collect(),
            open: open.iter().map(|address| address[1..].to_owned()).collect(),
            known: known.next(),
        }
    });
    Ok(turns.collect())
}

/// The locks that a record of a fork knows to be held.
fn known(record: &Record) -> Option<BTreeSet<String>> {
    match &record.detail {
        Detail::UnsafeFork(fork) => Some(fork.locks.iter().map(|lock| lock.address.clone()).collect()),
        _ => None,
    }
}

fn interrupted(calls: &[&str], handler: &str) {
    let mut all = BTreeMap::new();
    for call in calls {
        let found = wrongs(call, handler).unwrap_or_else(|error| vec![error]);
        if !found.is_empty() {
            all.insert(*call, found);
        }
    }
    assert!(all.is_empty(), "{handler}: {all:#?}");
}

const CALLS: &[&str] = &[
    "lock",
    "cold_lock",
    "try_lock",
    "cold_try_lock",
    "timed_lock",
    "read_lock",
    "write_lock",
    "spin_lock",
    "semaphore_wait",
    "unlock",
    "unlock_below",
    "unlock_read",
    "unlock_write",
    "spin_unlock",
    "semaphore_post",
    "condition_wait",
    "fork",
    "create",
];

#[test]
fn a_handler_may_lock_and_unlock() {
    interrupted(CALLS, "locks");
}

#[test]
fn a_handler_may_fork() {
    interrupted(CALLS, "forks");
}

#[test]
fn a_handler_may_create_a_thread() {
    interrupted(CALLS, "creates");
}

#[test]
fn a_handler_may_jump_away() {
    interrupted(CALLS, "jumps");
}
