//! A record as one JSON line of at most [`MAX_RECORD_BYTES`].

use forkwatch_schema::record::{Detail, MAX_RECORD_BYTES, Record, UnsafeFork};

/// The line, with its newline. Longer lists are cut until it fits, and `truncated` says what was cut. `None` only where the
/// record cannot be written at all.
pub fn line(record: &Record) -> Option<Vec<u8>> {
    let whole = write(record)?;
    if whole.len() <= MAX_RECORD_BYTES {
        return Some(whole);
    }
    let mut record = record.clone();
    // Each step cuts harder, and keeps what tells most: the fork, the locks, the first threads.
    for step in STEPS {
        step(&mut record);
        let line = write(&record)?;
        if line.len() <= MAX_RECORD_BYTES {
            return Some(line);
        }
    }
    None
}

fn write(record: &Record) -> Option<Vec<u8>> {
    let mut line = serde_json::to_vec(record).ok()?;
    line.push(b'\n');
    Some(line)
}

const STEPS: &[fn(&mut Record)] = &[
    |record| cut_thread_stacks(record, 100),
    |record| cut_thread_stacks(record, 32),
    |record| cut_thread_stacks(record, 16),
    |record| cut_thread_stacks(record, 8),
    |record| cut_threads(record, 200),
    |record| cut_locks(record, 100),
    |record| cut_thread_stacks(record, 4),
    |record| cut_locks(record, 50),
    |record| cut_thread_stacks(record, 2),
    |record| cut_threads(record, 100),
    |record| cut_locks(record, 25),
    |record| cut_arguments(record, 16),
    |record| cut_threads(record, 50),
    |record| cut_thread_stacks(record, 0),
    |record| cut_locks(record, 12),
    |record| cut_threads(record, 20),
    |record| cut_locks(record, 4),
    |record| cut_texts(record, 1024),
];

fn fork(record: &mut Record) -> Option<&mut UnsafeFork> {
    match &mut record.detail {
        Detail::UnsafeFork(fork) => Some(fork),
        Detail::LeakedLock(_) | Detail::Summary(_) => None,
    }
}

/// Keeps the stacks of the first `keep` threads.
fn cut_thread_stacks(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.threads.len();
    for thread in fork.threads.iter_mut().skip(keep) {
        (thread.stack, thread.created_stack, thread.python_stack) = (None, None, None);
    }
    if all > keep {
        note(record, "thread stacks", keep, all);
    }
}

fn cut_threads(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.threads.len();
    fork.threads.truncate(keep);
    if all > keep {
        note(record, "threads", keep, all);
    }
}

fn cut_locks(record: &mut Record, keep: usize) {
    let Some(fork) = fork(record) else { return };
    let all = fork.locks.len();
    fork.locks.truncate(keep);
    let waiters = fork.locks.iter_mut().map(|lock| &mut lock.waiters);
    waiters.for_each(|waiters| waiters.truncate(keep));
    if all > keep {
        note(record, "locks", keep, all);
    }
}

fn cut_arguments(record: &mut Record, keep: usize) {
    let Some(arguments) = &mut record.argv else { return };
    let all = arguments.len();
    arguments.truncate(keep);
    if all > keep {
        note(record, "argv", keep, all);
    }
}

/// Shortens every text of the program's own making, when all else was not enough.
fn cut_texts(record: &mut Record, keep: usize) {
    let texts = record
        .argv
        .iter_mut()
        .flatten()
        .chain([&mut record.exe, &mut record.service, &mut record.message]);
    for text in texts.chain(&mut record.context) {
        let end = (0..=keep.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
    record.truncated.push(format!("texts: {keep} bytes of each kept"));
}

/// Says what was cut; a later, harder cut of the same list replaces the earlier word of it.
fn note(record: &mut Record, list: &str, kept: usize, all: usize) {
    let before = record
        .truncated
        .iter()
        .position(|entry| entry.starts_with(&format!("{list}: ")));
    let all = before
        .map(|index| record.truncated.remove(index))
        .and_then(|entry| entry.split(' ').rev().nth(1)?.parse().ok())
        .unwrap_or(all);
    record.truncated.push(format!("{list}: {kept} of {all} kept"));
}

#[cfg(test)]
mod tests {
    use super::line;
    use forkwatch_schema::kind::{Kind, Severity};
    use forkwatch_schema::record::{Detail, Fork, Frame, MAX_RECORD_BYTES, Record, Thread, UnsafeFork};

    fn frame(symbol: &str) -> Frame {
        Frame {
            ip: "0x1000".into(),
            symbol: Some(symbol.into()),
            ..Frame::default()
        }
    }

    fn record(threads: usize, argument: String) -> Record {
        let thread = |tid| Thread {
            tid,
            name: format!("worker-{tid}"),
            start_routine: Some("run".into()),
            created_stack: Some(vec![frame("create"); 16]),
            stack: Some(vec![frame("wait"); 16]),
            python_stack: None,
            waiting: None,
        };
        let fork = Fork {
            function: "fork".into(),
            child_pid: Some(2),
            exec_bound: false,
            stack: vec![frame("main")],
            python_stack: None,
        };
        let threads = (0..i32::try_from(threads).unwrap()).map(thread).collect();
        Record {
            time: "2026-01-01T00:00:00.000000000Z".into(),
            severity: Severity::Warn,
            schema: forkwatch_schema::SCHEMA.into(),
            kind: Kind::UnsafeFork,
            fingerprint: "0123456789abcdef".into(),
            message: "a fork".into(),
            host: "host".into(),
            pid: 1,
            ppid: 0,
            tid: 1,
            thread: "main".into(),
            exe: "/bin/program".into(),
            argv: Some(vec![argument]),
            service: "program".into(),
            context: None,
            fork_id: Some("1-2".into()),
            detail: Detail::UnsafeFork(UnsafeFork {
                fork,
                threads,
                locks: vec![],
                advice: vec![],
            }),
            truncated: vec![],
        }
    }

    #[test]
    fn time_is_the_first_key_and_control_characters_are_escaped() {
        let text = String::from_utf8(line(&record(1, "a\u{1b}[31m\n".into())).unwrap()).unwrap();
        assert!(text.starts_with("{\"time\":\"2026-") && text.ends_with("}\n"));
        assert!(text.contains("a\\u001b[31m\\n") && text.matches('\n').count() == 1);
        let back: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(back, record(1, "a\u{1b}[31m\n".into()));
    }

    #[test]
    fn long_lists_are_cut_and_it_is_said() {
        let text = line(&record(400, String::new())).unwrap();
        assert!(text.len() <= MAX_RECORD_BYTES);
        let back: Record = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            back.truncated,
            ["thread stacks: 8 of 400 kept", "threads: 200 of 400 kept"]
        );
    }

    #[test]
    fn a_monstrous_argument_still_gives_a_line() {
        let text = line(&record(1, "x".repeat(200_000))).unwrap();
        assert!(text.len() <= MAX_RECORD_BYTES);
    }
}
