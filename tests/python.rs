//! Python programs, each under every CPython that is installed and that can show its case.

use std::collections::{BTreeMap, BTreeSet};

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{PythonFrame, Record, Thread, UnsafeFork};

use crate::options::{only_fork, words};
use crate::support::judge;
use crate::support::process::End;
use crate::support::program::{Language, Program};
use crate::support::programs;
use crate::support::ways::watch;

programs! {
    Python: unsafe_fork_python_lock, unsafe_fork_dangling_pointer, unsafe_fork_lock_of_its_maker, unsafe_fork_pool_logging, unsafe_fork_idle_threads,
            orphaned_python_own_lock, unsafe_fork_second_child, silent_python_own_lock, silent_python_lock_of_nobody, silent_python_alone, silent_python_spawn, silent_python_shared_lock, silent_python_numpy,
            unsafe_fork_named_lock, unsafe_fork_lock_names, unsafe_fork_lock_ways, unsafe_fork_taken_by_hand, unsafe_fork_taken_and_left, unsafe_fork_locks_of_others,
            unsafe_fork_one_line, unsafe_fork_class_called_often, unsafe_fork_lock_made_anew, unsafe_fork_lock_not_made_anew, unsafe_fork_follows_advice, unsafe_fork_traced, unsafe_fork_where_taken, unsafe_fork_taken_before, unsafe_fork_thread_names, robust_python_threads, robust_python_lock_methods;
}

fn names(stack: Option<&[PythonFrame]>) -> Vec<&str> {
    let frames = stack.unwrap_or_default().iter();
    frames
        .map(|frame| frame.function.rsplit('.').next().unwrap_or_default())
        .collect()
}

/// Every interpreter is watched with these options; what it reports of its only fork is passed to `see`.
fn each(name: &str, arguments: &str, options: &[(&str, &str)], see: impl Fn(&Record, &UnsafeFork, &str)) {
    let program = Program::ready(Language::Python, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    for start in &program.starts {
        let watched = watch(&program, start, &words(arguments), options);
        let (record, fork) = only_fork(&watched);
        see(record, fork, &start.label);
    }
}

/// Where no Python frame says what a descriptor is for, one that Python code may pass messages by is no finding.
#[test]
fn channels_are_no_finding_where_frames_are_not_read() {
    let program = Program::ready(Language::Python, "silent_python_channels").expect("its interpreters");
    let start = program.starts.iter().rev().find(|start| !start.is_free_threaded);
    let start = start.expect("an interpreter");
    for arguments in &program.head.runs {
        let watched = watch(&program, start, arguments, &[("FORKWATCH_PYTHON", "off")]);
        let wrongs = judge::wrongs(&program.head, arguments, watched.lines());
        assert!(wrongs.is_empty(), "{arguments:?}: {wrongs:?}");
    }
}

/// The advice about a lock is followed to the letter: the child works, and the finding is no error.
#[test]
fn advice_about_a_lock_works() {
    let program = Program::ready(Language::Python, "unsafe_fork_follows_advice").expect("its interpreters");
    for start in &program.starts {
        let advised = watch(&program, start, &[], &[]);
        let (_, fork) = only_fork(&advised);
        let advice = fork.advice.last().expect("advice about the lock");
        let statement = advice
            .split_once("call ")
            .and_then(|(_, rest)| Some(rest.split_once(" once, where self.door is created")?.0));
        // Before 3.9 the advice is in words, which the program has a method for; in 3.6 for the child.
        let (place, statement, anew) = match statement {
            Some(statement) => ("WHERE_CREATED", statement, true),
            None if advice.contains(
                "os.register_at_fork(after_in_child=...) a function that assigns a new lock to self.door",
            ) =>
            {
                (
                    "WHERE_CREATED",
                    "os.register_at_fork(after_in_child=self.assign_new_lock)",
                    true,
                )
            }
            None => {
                assert!(
                    advice.contains("assign a new lock to self.door in the child"),
                    "{advice}"
                );
                ("IN_CHILD", "self.assign_new_lock()", false)
            }
        };
        let followed = watch(&program, start, &[], &[(place, statement)]);
        let label = &start.label;
        assert_eq!(followed.run.end, End::Exit(0), "{label}: {statement}: {followed:?}");
        let (record, fork) = only_fork(&followed);
        assert_eq!(fork.locks[0].made_anew, anew, "{label}: {fork:?}");
        let severity = if anew { Severity::Warn } else { Severity::Error };
        assert_eq!(record.severity, severity, "{label}");
    }
}

/// Whether this interpreter is older than the version.
fn is_before(label: &str, version: [u32; 3]) -> bool {
    let its = label.rsplit(' ').next().unwrap_or_default();
    let numbers: Vec<u32> = its
        .trim_end_matches('t')
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect();
    numbers[..] < version[..]
}

#[test]
fn one_python_line_is_one_finding_whatever_is_held_there() {
    let name = "unsafe_fork_one_line";
    let program = Program::ready(Language::Python, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    for start in &program.starts {
        let watched = watch(&program, start, &[], &[]);
        let forks = watched.of(Kind::UnsafeFork);
        let records: Vec<&Record> = forks.iter().map(|line| line.record.as_ref().expect("known")).collect();
        let [one, other] = records[..] else {
            panic!("{}: {watched:?}", start.label)
        };
        assert_eq!(one.fingerprint, other.fingerprint, "{}", start.label);
        assert_ne!(one.fork_id, other.fork_id, "{}", start.label);
    }
}

#[test]
fn a_possible_deadlock_is_one_finding_under_every_interpreter() {
    let name = "possible_deadlock_python";
    let program = Program::ready(Language::Python, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    let mut known = BTreeMap::new();
    for start in &program.starts {
        let watched = watch(&program, start, &["lock".to_owned()], &[]);
        for line in watched.of(Kind::PossibleDeadlock) {
            let record = line.record.as_ref().expect("known");
            known
                .entry(record.fingerprint.clone())
                .or_insert_with(Vec::new)
                .push(&start.label);
        }
    }
    assert_eq!(known.len(), 1, "{known:?}");
}

#[test]
fn each_line_of_code_without_a_file_is_a_finding() {
    let name = "possible_deadlock_exec";
    let program = Program::ready(Language::Python, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    for start in &program.starts {
        let watched = watch(&program, start, &[], &[]);
        let lines = watched.of(Kind::PossibleDeadlock);
        let findings: BTreeSet<_> = lines
            .iter()
            .map(|line| &line.record.as_ref().expect("known").fingerprint)
            .collect();
        assert_eq!(findings.len(), 4, "{}: {watched:?}", start.label);
    }
}

#[test]
fn without_python_only_native_facts_are_reported() {
    each(
        "unsafe_fork_named_lock",
        "",
        &[("FORKWATCH_PYTHON", "off")],
        |_, fork, label| {
            // From 3.13.1 on, a lock of `threading` passes no hook.
            let locks = usize::from(is_before(label, [3, 13, 1]));
            assert_eq!((fork.threads.len(), fork.locks.len()), (2, locks), "{label}");
            assert!(fork.fork.python_stack.is_none(), "{label}");
            // From 3.14 on, the kernel gets the name, too.
            let has_its_own_name = |thread: &Thread| thread.name != "keeper" || !is_before(label, [3, 14, 0]);
            let thread_is_plain = |thread: &Thread| thread.python_stack.is_none() && has_its_own_name(thread);
            assert!(fork.threads.iter().all(thread_is_plain), "{label}: {fork:?}");
            assert!(fork.locks.iter().all(|lock| lock.name.is_none()), "{label}");
        },
    );
}

#[test]
fn frames_stand_innermost_first_with_file_and_line() {
    each("unsafe_fork_named_lock", "", &[], |record, fork, label| {
        assert_eq!(
            names(fork.fork.python_stack.as_deref()),
            ["send_clerk", "<module>"],
            "{label}"
        );
        let keeper = fork.threads.iter().find(|thread| thread.name == "keeper");
        let stack = keeper
            .and_then(|thread| thread.python_stack.as_deref())
            .unwrap_or_default();
        let expected = ["pass_through", "keep_open", "run", "_bootstrap_inner", "_bootstrap"];
        assert_eq!(names(Some(stack)), expected, "{label}");
        let file = |frame: &PythonFrame| frame.file.rsplit('/').next().unwrap_or_default().to_owned();
        let files: Vec<_> = stack.iter().map(file).collect();
        assert_eq!(
            files[..3],
            ["program.py", "unsafe_fork_named_lock.py", "threading.py"],
            "{label}"
        );
        assert!(stack.iter().all(|frame| frame.line > 0), "{label}: {stack:?}");
        assert!(
            fork.advice[0].contains("In send_clerk (unsafe_fork_named_lock.py:"),
            "{label}: {:?}",
            fork.advice
        );
        assert!(fork.advice[1].contains("self.door"), "{label}: {:?}", fork.advice);
        assert_eq!(record.thread, "MainThread", "{label}");
        assert!(record.truncated.is_empty(), "{label}: {:?}", record.truncated);
    });
}

#[test]
fn embedded_interpreters_are_read_like_others() {
    let name = "unsafe_fork_embedded_python";
    let program = match Program::ready(Language::C, name) {
        Ok(program) => program,
        Err(reason) => return println!("skipped {name}: {reason}"),
    };
    for (way, own, keeper) in [
        ("python", &["send", "<module>"][..], true),
        ("locked", &[], true),
        ("unlocked", &[], false),
    ] {
        let watched = watch(&program, &program.starts[0], &words(way), &[]);
        let (_, fork) = only_fork(&watched);
        assert_eq!(names(fork.fork.python_stack.as_deref()), own, "{way}");
        let thread = &fork.threads[0];
        assert_eq!(thread.name == "keeper", keeper, "{way}: {thread:?}");
        assert_eq!(
            names(thread.python_stack.as_deref()).contains(&"keep"),
            keeper,
            "{way}: {thread:?}"
        );
        assert_eq!(fork.locks[0].name.is_some(), keeper, "{way}: {fork:?}");
    }
}

/// The line is that of the statement with the way's name in a comment; where the frames do not show a line, there is none.
#[test]
fn the_line_of_the_with_statement_that_took_a_lock_is_known() {
    let source = std::fs::read_to_string("tests/programs/python/unsafe_fork_where_taken.py").unwrap();
    for (way, function) in [
        ("block", "block"),
        ("method", "method"),
        ("nested", "nested"),
        ("recursive", "recursive"),
        ("condition", "holds_condition"),
        ("after_block", "after_block"),
        ("stacked", ""),
    ] {
        let comment = format!("# {way}");
        let line = source.lines().position(|line| line.ends_with(&comment));
        let line = line.map(|line| u32::try_from(line + 1).unwrap());
        each("unsafe_fork_where_taken", way, &[], |_, fork, label| {
            let taken = fork.locks[0].acquired_python_stack.as_deref();
            let innermost = taken.and_then(|stack| stack.first());
            assert_eq!(innermost.map(|frame| frame.line), line, "{way} {label}: {fork:?}");
            let Some(stack) = taken else { return };
            let all = names(taken);
            assert_eq!(all[0], function, "{way} {label}: {stack:?}");
            assert_eq!(all[1..], ["run", "_bootstrap_inner", "_bootstrap"], "{way} {label}");
        });
    }
}
