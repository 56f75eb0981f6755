//! What is cut from a record that is too long for one line.
//!
//! Only `line` calls this. Each step cuts harder than those before, and keeps what says most: the fork, the locks, the
//! first threads. After the last step any record fits; a test with a huge record checks this.

use crate::harmless::is_harmful;
use crate::record::{Detail, Frame, Lock, PythonFrame, Record, Thread, UnsafeFork};

/// The steps, mildest first.
pub const STEPS: &[fn(&mut Record)] = &[
    |record| thread_stacks(record, 100),
    |record| thread_stacks(record, 32),
    // A command line as long as this says less than any stack.
    |record| arguments(record, 64, 512),
    |record| arguments(record, 16, 256),
    |record| native_stacks(record, 16),
    |record| native_stacks(record, 4),
    |record| thread_stacks(record, 16),
    |record| native_stacks(record, 0),
    |record| thread_stacks(record, 8),
    |record| threads(record, 200),
    |record| waiters(record, 100),
    |record| locks(record, 100),
    |record| thread_stacks(record, 4),
    |record| locks(record, 50),
    |record| thread_stacks(record, 2),
    |record| threads(record, 100),
    |record| locks(record, 25),
    |record| threads(record, 50),
    |record| thread_stacks(record, 0),
    |record| locks(record, 12),
    |record| threads(record, 20),
    |record| waiters(record, 10),
    |record| locks(record, 4),
    |record| texts(record, 1024),
    |record| frames(record, 16),
    |record| frames(record, 8),
    |record| texts(record, 256),
    |record| frames(record, 4),
    |record| texts(record, 64),
    |record| advice(record, 4),
];

fn fork(record: &mut Record) -> Option<&mut UnsafeFork> {
    match &mut record.detail {
        Detail::UnsafeFork(fork) => Some(fork),
        _ => None,
    }
}

fn all_locks(detail: &mut Detail) -> &mut [Lock] {
    match detail {
        Detail::UnsafeFork(fork) => &mut fork.locks,
        Detail::OrphanedLock(orphan) => core::slice::from_mut(&mut orphan.lock),
        Detail::PossibleDeadlock(possible) => core::slice::from_mut(&mut possible.lock),
        Detail::LeakedLock(leaked) => core::slice::from_mut(&mut leaked.lock),
        Detail::SharedDescriptor(_)
        | Detail::StuckChild(_)
        | Detail::Call(_)
        | Detail::SlowHandler(_)
        | Detail::ForkOutcome(_)
        | Detail::Summary(_) => &mut [],
    }
}

/// Keeps the native stacks of the first `keep` threads; Python's say more in fewer bytes.
fn native_stacks(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.threads.len();
    let mut cut = false;
    for thread in fork
        .threads
        .iter_mut()
        .skip(keep)
        .filter(|thread| thread.python_stack.is_some())
    {
        (thread.stack, thread.created_stack) = (None, None);
        cut = true;
    }
    if cut {
        note(record, "native thread stacks", keep, all);
    }
}

/// Keeps the stacks of the first `keep` threads.
fn thread_stacks(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.threads.len();
    for thread in fork.threads.iter_mut().skip(keep) {
        (thread.stack, thread.created_stack, thread.python_stack) = (None, None, None);
    }
    if all > keep {
        note(record, "thread stacks", keep, all);
    }
}

fn threads(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.threads.len();
    fork.threads.truncate(keep);
    if all > keep {
        note(record, "threads", keep, all);
    }
}

fn locks(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.locks.len();
    fork.locks.truncate(keep);
    if all > keep {
        note(record, "locks", keep, all);
    }
}

/// Keeps the first `keep` waiters of each lock, and as many of the threads that used what a child waits for.
fn waiters(record: &mut Record, keep: usize) {
    let parents = match &mut record.detail {
        Detail::StuckChild(stuck) => Some(&mut stuck.parent_tids),
        Detail::SharedDescriptor(shared) => Some(&mut shared.parent_tids),
        _ => None,
    };
    if let Some(tids) = parents {
        let all = tids.len();
        tids.truncate(keep);
        if all > keep {
            note(record, "parent_tids", keep, all);
        }
    }
    let locks = all_locks(&mut record.detail);
    let most = locks.iter().map(|lock| lock.waiters.len()).max().unwrap_or_default();
    locks.iter_mut().for_each(|lock| lock.waiters.truncate(keep));
    if most > keep {
        note(record, "waiters", keep, most);
    }
}

/// Keeps the first `keep` arguments, and this many bytes of each.
fn arguments(record: &mut Record, keep: usize, bytes: usize) {
    let Some(arguments) = &mut record.argv else { return };
    let all = arguments.len();
    arguments.truncate(keep);
    let mut shortened = false;
    for argument in arguments {
        shortened |= shorten(argument, bytes);
    }
    if all > keep {
        note(record, "argv", keep, all);
    }
    if shortened {
        record.truncated.retain(|entry| !entry.starts_with("argv texts: "));
        record.truncated.push(format!("argv texts: {bytes} bytes of each kept"));
    }
}

fn advice(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.advice.len();
    fork.advice.truncate(keep);
    if all > keep {
        note(record, "advice", keep, all);
    }
}

/// Keeps the first `keep` frames of each stack.
fn frames(record: &mut Record, keep: usize) {
    let mut most = 0;
    visit(&mut record.detail, &mut |part| {
        let all = match &part {
            Part::Stack(stack) => stack.len(),
            Part::PythonStack(stack) => stack.len(),
            Part::Text(_) => return,
        };
        most = most.max(all);
        match part {
            Part::Stack(stack) => stack.truncate(keep),
            Part::PythonStack(stack) => stack.truncate(keep),
            Part::Text(_) => {}
        }
    });
    if most > keep {
        note(record, "frames of a stack", keep, most);
    }
}

/// Shortens every text that comes from the program, if nothing else was enough.
fn texts(record: &mut Record, keep: usize) {
    let own = [&mut record.exe, &mut record.service, &mut record.message];
    let own = own.into_iter().chain([&mut record.host, &mut record.thread]);
    let given = record.argv.iter_mut().flatten().chain(&mut record.context);
    let mut shortened = false;
    own.chain(given).for_each(|text| shortened |= shorten(text, keep));
    visit(&mut record.detail, &mut |part| {
        if let Part::Text(text) = part {
            shortened |= shorten(text, keep);
        }
    });
    if !shortened {
        return;
    }
    record.truncated.retain(|entry| !entry.starts_with("texts: "));
    record.truncated.push(format!("texts: {keep} bytes of each kept"));
}

/// Cuts the text to this many bytes of JSON, in which an escape takes six or twelve. Returns whether it had more.
fn shorten(text: &mut String, keep: usize) -> bool {
    let mut bytes = 0;
    let end = text.char_indices().find(|&(_, character)| {
        bytes += match character {
            '"' | '\\' => 2,
            character if is_harmful(character) => 6 * character.len_utf16(),
            character => character.len_utf8(),
        };
        bytes > keep
    });
    if let Some((end, _)) = end {
        text.truncate(end);
    }
    end.is_some()
}

/// A piece of a record that may be long.
enum Part<'record> {
    Text(&'record mut String),
    Stack(&'record mut Vec<Frame>),
    PythonStack(&'record mut Vec<PythonFrame>),
}

/// Visits every piece of the kind's own fields.
fn visit(detail: &mut Detail, see: &mut dyn FnMut(Part<'_>)) {
    match detail {
        Detail::UnsafeFork(fork) => {
            see(Part::Text(&mut fork.fork.function));
            visit_place(&mut fork.fork.stack, fork.fork.python_stack.as_mut(), see);
            fork.threads.iter_mut().for_each(|thread| visit_thread(thread, see));
            fork.advice.iter_mut().for_each(|line| see(Part::Text(line)));
        }
        Detail::OrphanedLock(orphan) => {
            see(Part::Text(&mut orphan.call));
            visit_place(&mut orphan.stack, orphan.python_stack.as_mut(), see);
        }
        Detail::PossibleDeadlock(possible) => {
            see(Part::Text(&mut possible.call));
            visit_place(&mut possible.stack, possible.python_stack.as_mut(), see);
        }
        Detail::SharedDescriptor(shared) => {
            see(Part::Text(&mut shared.call));
            shared.threads.iter_mut().for_each(|thread| visit_thread(thread, see));
            visit_place(&mut shared.stack, shared.python_stack.as_mut(), see);
        }
        Detail::StuckChild(stuck) => {
            see(Part::Text(&mut stuck.call));
            stuck.address.iter_mut().for_each(|address| see(Part::Text(address)));
            let names = stuck.lost_threads.iter_mut().filter_map(|thread| thread.name.as_mut());
            names.for_each(|name| see(Part::Text(name)));
            visit_place(&mut stuck.stack, stuck.python_stack.as_mut(), see);
        }
        Detail::Call(call) => {
            see(Part::Text(&mut call.call));
            call.library.iter_mut().for_each(|library| see(Part::Text(library)));
            visit_place(&mut call.stack, call.python_stack.as_mut(), see);
        }
        Detail::SlowHandler(slow) => {
            slow.library.iter_mut().for_each(|library| see(Part::Text(library)));
            if let Some(waits) = &mut slow.waits {
                visit_stack(&mut waits.stack, see);
                waits.thread.iter_mut().for_each(|thread| visit_thread(thread, see));
            }
        }
        Detail::ForkOutcome(outcome) => outcome.program.iter_mut().for_each(|program| see(Part::Text(program))),
        Detail::LeakedLock(_) | Detail::Summary(_) => {}
    }
    for lock in all_locks(detail) {
        let texts = [Some(&mut lock.address), lock.name.as_mut(), lock.owner.as_mut()];
        texts.into_iter().flatten().for_each(|text| see(Part::Text(text)));
        visit_stack(&mut lock.acquired_stack, see);
        visit_python(lock.acquired_python_stack.as_mut(), see);
        lock.created_stack.iter_mut().for_each(|stack| visit_stack(stack, see));
    }
}

fn visit_place(stack: &mut Vec<Frame>, python: Option<&mut Vec<PythonFrame>>, see: &mut dyn FnMut(Part<'_>)) {
    visit_stack(stack, see);
    visit_python(python, see);
}

fn visit_thread(thread: &mut Thread, see: &mut dyn FnMut(Part<'_>)) {
    see(Part::Text(&mut thread.name));
    thread
        .start_routine
        .iter_mut()
        .for_each(|routine| see(Part::Text(routine)));
    for stack in [&mut thread.created_stack, &mut thread.stack].into_iter().flatten() {
        visit_stack(stack, see);
    }
    visit_python(thread.python_stack.as_mut(), see);
    if let Some(waiting) = &mut thread.waiting {
        see(Part::Text(&mut waiting.call));
        waiting.address.iter_mut().for_each(|address| see(Part::Text(address)));
    }
}

fn visit_stack(stack: &mut Vec<Frame>, see: &mut dyn FnMut(Part<'_>)) {
    see(Part::Stack(stack));
    for frame in stack {
        let texts = [
            &mut frame.module,
            &mut frame.build_id,
            &mut frame.symbol,
            &mut frame.file,
        ];
        texts.into_iter().flatten().for_each(|text| see(Part::Text(text)));
    }
}

fn visit_python(stack: Option<&mut Vec<PythonFrame>>, see: &mut dyn FnMut(Part<'_>)) {
    let Some(stack) = stack else { return };
    see(Part::PythonStack(stack));
    for frame in stack {
        see(Part::Text(&mut frame.file));
        see(Part::Text(&mut frame.function));
    }
}

/// Notes what was cut; a later, harder cut of the same list replaces the earlier note.
fn note(record: &mut Record, list: &str, kept: usize, all: usize) {
    let before = record
        .truncated
        .iter()
        .position(|entry| entry.starts_with(&format!("{list}: ")));
    let all = before
        .map(|index| record.truncated.remove(index))
        .and_then(|entry| entry.split(' ').rev().nth(1)?.parse().ok())
        .unwrap_or(all);
    record.truncated.push(Record::cut(list, kept, all));
}
