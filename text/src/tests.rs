//! Whole texts of realistic records, compared with the files in `tests/`. With `FORKWATCH_BLESS=1` the files are rewritten.

mod again;
mod lines;
mod native;
mod others;
mod parts;

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Frame, LeakedLock, LockKind, Record, Summary};

use self::native::{c_mutex, cpp, rust, settled};
use self::others::{hostile, many_threads, python};
use self::parts::build;
use super::{Style, headline, render, sentence};

fn style() -> Style {
    Style {
        home: Some(String::from("/home/ann")),
        working_directory: Some(String::from("/home/ann/shop")),
        ..Style::LIVE
    }
}

/// Compares without the spaces at the ends of lines, which editors take away.
fn compare(name: &str, expected: &str, text: &str) {
    if std::env::var_os("FORKWATCH_BLESS").is_some_and(|value| !value.is_empty()) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests");
        let trimmed: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        std::fs::write(format!("{folder}/{name}.txt"), trimmed).unwrap();
        return;
    }
    assert_lines_are_marked(text);
    let given: Vec<&str> = text.lines().map(str::trim_end).collect();
    let wanted: Vec<&str> = expected.lines().map(str::trim_end).collect();
    assert_eq!(given, wanted, "{name}\n{text}");
}

fn assert_lines_are_marked(text: &str) {
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines() {
        assert!(line.starts_with("forkwatch: "), "{line:?}");
    }
}

macro_rules! golden {
    ($name:ident, $record:expr, $stopped:expr) => {
        #[test]
        fn $name() {
            let text = render(&$record, $stopped, &style());
            compare(
                stringify!($name),
                include_str!(concat!("tests/", stringify!($name), ".txt")),
                &text,
            );
        }
    };
}

mod child;

golden!(c_program_with_a_mutex, c_mutex(), None);
golden!(settled_fork_that_waited, settled(), None);
golden!(cpp_program_with_long_names, cpp(), None);
golden!(rust_program, rust(), None);
golden!(python_program_with_a_semaphore, python(), None);
golden!(no_lock_and_399_threads, many_threads(), None);
golden!(hostile_names, hostile(), None);
golden!(stopped_before_the_copy, python(), Some("FORKWATCH_STRICT=locks"));
golden!(leaked_lock, leaked(), None);
golden!(exec_bound_fork_told_by_its_child, told_by_child(), None);

/// A fork that the parent did not tell, because the caller usually only executes a program.
fn told_by_child() -> Record {
    let mut record = c_mutex();
    let Detail::UnsafeFork(fork) = &mut record.detail else {
        unreachable!()
    };
    fork.fork.exec_bound = true;
    (record.ppid, record.pid, record.tid) = (4242, 4250, 4250);
    record
}

fn leaked() -> Record {
    let Detail::UnsafeFork(mut fork) = c_mutex().detail else {
        unreachable!()
    };
    let lock = fork.locks.remove(0);
    build(
        Kind::LeakedLock,
        Severity::Warn,
        Detail::LeakedLock(LeakedLock { lock }),
    )
}

fn summary(repeated: u64) -> Record {
    let counts = Summary {
        repeated,
        ..Summary::default()
    };
    build(Kind::Summary, Severity::Info, Detail::Summary(counts))
}

#[test]
fn a_summary_shows_only_repeats() {
    assert_eq!(render(&summary(0), None, &style()), "");
    assert_eq!(
        render(&summary(1), None, &style()),
        "forkwatch: 1 more finding of the kinds reported above (FORKWATCH_REPEAT=all reports each one)\n"
    );
    assert_eq!(
        render(&summary(41), None, &style()),
        "forkwatch: 41 more findings of the kinds reported above (FORKWATCH_REPEAT=all reports each one)\n"
    );
}

#[test]
fn a_summarys_message_has_the_counts_that_matter() {
    assert_eq!(headline(&summary(0)), "0 forks: 0 unsafe, 0 exec-bound");
    let counts = Summary {
        forks: 44,
        unsafe_forks: 41,
        exec_bound_forks: 1,
        repeated: 40,
        suppressed: 2,
        locks_dropped: 1,
        ..Summary::default()
    };
    assert_eq!(
        headline(&build(Kind::Summary, Severity::Info, Detail::Summary(counts))),
        "44 forks: 41 unsafe, 1 exec-bound; 40 repeats only counted; 2 suppressed; 1 lock not tracked"
    );
}

#[test]
fn colours_come_only_after_the_prefix_and_only_when_asked_for() {
    let plain = render(&c_mutex(), None, &style());
    let coloured = render(
        &c_mutex(),
        None,
        &Style {
            colour: true,
            ..style()
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mERROR\u{1b}[0m"), "{coloured}");
    assert_lines_are_marked(&coloured);
    let mut bare = String::new();
    let mut inside = false;
    for character in coloured.chars() {
        match character {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            _ => bare.push(character),
        }
    }
    assert_eq!(bare, plain);
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    for colour in [false, true] {
        let text = render(&hostile(), None, &Style { colour, ..style() });
        assert_lines_are_marked(&text);
        assert!(
            !text.contains("\u{1b}[2J")
                && !text.contains('\u{202e}')
                && !text.contains('\r')
                && !text.contains('\u{7}')
        );
    }
}

#[test]
fn a_sentence_stays_one_harmless_line() {
    assert_eq!(
        sentence("FORKWATCH_STRICT=a\nb\u{1b}[2J: invalid value", &Style::LIVE),
        "forkwatch: FORKWATCH_STRICT=a\\nb\\u{1b}[2J: invalid value\n"
    );
}

#[test]
fn namesakes_are_distinguished() {
    let mut record = c_mutex();
    record.thread = "keeper".into();
    assert!(headline(&record).ends_with("while another thread called \"keeper\" holds a mutex"));
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    detail.locks.clear();
    detail.threads.retain(|thread| thread.name == "keeper");
    assert!(headline(&record).ends_with("while another thread called \"keeper\" is alive"));
}

#[test]
fn alike_locks_are_counted_and_a_holder_in_libc_is_placed_in_the_program() {
    let mut record = c_mutex();
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    detail.locks = vec![detail.locks.remove(0); 3];
    detail.locks[2].kind = LockKind::Semaphore;
    for thread in &mut detail.threads {
        for frame in thread.stack.iter_mut().flatten().take(2) {
            frame.file = Some("./time/../sysdeps/unix/sysv/linux/clock_nanosleep.c".into());
        }
    }
    let text = render(&record, None, &style());
    assert!(text.contains("(tid 4243) holds 2 mutexes and a semaphore"), "{text}");
    assert!(
        text.contains("waiting in clock_nanosleep at refresh_prices (src/keeper.c:23)"),
        "{text}"
    );
}

#[test]
fn the_headline_is_the_first_line() {
    let record = c_mutex();
    let first = render(&record, None, &style()).lines().next().unwrap().to_owned();
    assert_eq!(first, format!("forkwatch: ERROR unsafe_fork: {}", headline(&record)));
}

#[test]
fn long_stacks_and_lists_are_cut_and_what_is_cut_is_counted() {
    let mut record = many_threads();
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    detail.fork.stack = vec![detail.fork.stack.remove(0); 40];
    let Detail::UnsafeFork(other) = c_mutex().detail else {
        unreachable!()
    };
    detail.locks = vec![other.locks.into_iter().next().unwrap(); 11];
    for (lock, thread) in detail.locks.iter_mut().zip(&detail.threads) {
        lock.owner_tid = Some(thread.tid);
    }
    let text = render(&record, None, &style());
    for part in [
        "... and 8 more frames",
        "... and 391 more threads",
        "... and 3 more locks",
        "other threads hold 11 locks",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_record_with_nothing_known_is_still_reported() {
    let mut record = c_mutex();
    record.thread = String::new();
    record.time = String::new();
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        unreachable!()
    };
    detail.threads.clear();
    detail.advice.clear();
    detail.fork.stack = vec![Frame::default(); 4];
    detail.locks[0].owner = None;
    detail.locks[0].owner_tid = None;
    let text = render(&record, None, &style());
    assert!(text.contains("while another thread holds a mutex"), "{text}");
    assert!(text.contains("held by an unidentified thread"), "{text}");
}

#[test]
fn a_daemon_continues_in_the_background() {
    let mut record = c_mutex();
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        panic!("{record:?}");
    };
    (detail.fork.function, detail.fork.child_pid) = ("daemon".into(), None);
    let text = render(&record, None, &style());
    assert!(text.contains("\nforkwatch: daemon() called by thread "), "{text}");
    assert!(text.contains("continues in the background as its child"), "{text}");
    assert!(!text.contains("stopped") && !text.contains("not known"), "{text}");
    let text = render(&record, Some("FORKWATCH_STRICT=locks"), &style());
    assert!(
        text.contains("daemon() requested by thread ") && !text.contains("background as"),
        "{text}"
    );
}

#[test]
fn a_fork_whose_child_is_not_known_is_not_called_stopped() {
    let mut record = c_mutex();
    let Detail::UnsafeFork(detail) = &mut record.detail else {
        panic!("{record:?}");
    };
    detail.fork.child_pid = None;
    let text = render(&record, None, &style());
    assert!(
        text.contains(", no child recorded\n") && !text.contains("stopped"),
        "{text}"
    );
}
