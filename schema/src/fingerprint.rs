//! The value that stays the same for the same bug, across runs, hosts and address-space layouts.
//!
//! It is made from names, build ids, offsets and lines, never from addresses, process ids, times or counts of threads. A fork is
//! known by its place alone, whatever was held there; what a child reports, by its place and by the lock.

use crate::hash::Hash;
use crate::kind::Kind;
use crate::path::base_name;
use crate::record::{Frame, Phase, PythonFrame};
use crate::users_frame;

/// The fingerprint of an `unsafe_fork`: where it forked.
pub fn of_fork(stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Hash::new();
    hash.word(Kind::UnsafeFork.name());
    place(&mut hash, stack, python);
    hash.text()
}

/// The fingerprint of a finding about one lock: the lock's id, and where it was asked for or, of a `leaked_lock`, taken.
pub fn of_lock(kind: Kind, lock_id: &str, stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Hash::new();
    hash.word(kind.name());
    hash.word(lock_id);
    place(&mut hash, stack, python);
    hash.text()
}

/// The fingerprint of a `possible_deadlock`: the library whose locks the child takes, where the child calls it, and, of a lock that the
/// user's own code takes, the lock's id.
pub fn of_possible_deadlock(
    library: &str,
    own_lock: Option<&str>,
    stack: &[Frame],
    python: Option<&[PythonFrame]>,
) -> String {
    let mut hash = Hash::new();
    hash.word(Kind::PossibleDeadlock.name());
    hash.word(whichever_python(base_name(library)));
    hash.word(own_lock.unwrap_or_default());
    place(&mut hash, stack, python);
    hash.text()
}

/// The name of a library without what tells from each other the builds of it for several interpreters; of the interpreter itself, the
/// same for all: `python3.12`, `libpython3.11.so.1.0`, `_queue.cpython-311-x86_64-linux-gnu.so`.
fn whichever_python(library: &str) -> &str {
    let versions = library.strip_prefix("lib").unwrap_or(library).strip_prefix("python");
    if versions.is_some_and(|version| version.is_empty() || version.starts_with(|first: char| first.is_ascii_digit())) {
        return "python";
    }
    library.split_once(".cpython-").map_or(library, |(module, _)| module)
}

/// The fingerprint of a `slow_handler`.
pub fn of_handler(library: &str, phase: Phase) -> String {
    let mut hash = Hash::new();
    hash.word(Kind::SlowHandler.name());
    hash.word(base_name(library));
    hash.word(phase.name());
    hash.text()
}

/// The fingerprint of a finding about one call of a child's. Of Python code, the innermost function counts too: a child may wait
/// in several functions of the standard library below one line.
pub fn of_call(kind: Kind, call: &str, stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Hash::new();
    hash.word(kind.name());
    hash.word(call);
    if let Some(innermost) = python.and_then(<[_]>::first) {
        hash.word(base_name(&innermost.file));
        hash.word(&innermost.function);
    }
    place(&mut hash, stack, python);
    hash.text()
}

/// The fingerprint of an `unsafe_call`: the function that makes the calls, whichever it calls. A Python child is one finding, of the
/// line where its code runs.
pub fn of_caller(stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Hash::new();
    hash.word(Kind::UnsafeCall.name());
    let named =
        users_frame::of_native(stack).and_then(|frame| Some((frame.module.as_deref()?, frame.symbol.as_deref()?)));
    match named {
        Some((module, symbol)) if python.is_none() => {
            hash.word(base_name(module));
            hash.word(symbol);
        }
        _ => place(&mut hash, stack, python),
    }
    hash.text()
}

/// The fingerprint of a `guarded_call`: the library, and where the child calls it.
pub fn of_guarded(library: &str, stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Hash::new();
    hash.word(Kind::GuardedCall.name());
    hash.word(base_name(library));
    place(&mut hash, stack, python);
    hash.text()
}

/// What tells one record from the others of its fingerprint, where each function is reported once.
pub fn with_call(fingerprint: &str, call: &str) -> String {
    let mut hash = Hash::new();
    hash.word(fingerprint);
    hash.word(call);
    hash.text()
}

/// The fingerprint of a record without a place, such as a `summary`.
pub fn of_kind(kind: Kind) -> String {
    let mut hash = Hash::new();
    hash.word(kind.name());
    hash.text()
}

/// Adds a place: the line in the user's own Python code, or else in native code. How the libraries below got from there to the
/// call differs from run to run and from version to version.
fn place(hash: &mut Hash, stack: &[Frame], python: Option<&[PythonFrame]>) {
    if let Some(frame) = python.and_then(users_frame::of_python) {
        hash.word(base_name(&frame.file));
        hash.word(&frame.function);
        hash.bytes(&frame.line.to_le_bytes());
        // One line may run a whole program.
        if let Some(inside) = python.and_then(|frames| users_frame::run_by(frame, frames)) {
            hash.word(&inside.file);
            hash.word(&inside.function);
            hash.bytes(&inside.line.to_le_bytes());
        }
    } else if let Some(frame) = users_frame::of_native(stack) {
        hash.frame(frame);
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::Kind;
    use crate::record::{Frame, Phase, PythonFrame};

    use super::{of_call, of_fork, of_handler, of_kind, of_lock, of_possible_deadlock};

    fn frame(ip: &str, module: Option<&str>, offset: &str, symbol: Option<&str>) -> Frame {
        Frame {
            ip: ip.into(),
            module: module.map(Into::into),
            offset: module.map(|_| offset.into()),
            build_id: module.map(|_| "abcd".into()),
            symbol: symbol.map(Into::into),
            ..Frame::default()
        }
    }

    fn python(file: &str, line: u32, function: &str) -> PythonFrame {
        PythonFrame {
            file: file.into(),
            line,
            function: function.into(),
        }
    }

    /// Baselines and suppressions contain these values: a version that computes others makes them useless.
    #[test]
    fn values_stay_what_they_are() {
        let here = [frame("0x7f01", Some("/usr/lib/libfoo.so"), "0x1000", Some("foo"))];
        let unnamed = [Frame {
            offset: None,
            ..here[0].clone()
        }];
        let python = [python("/srv/bank.py", 7, "put")];
        let values = [
            of_fork(&here, None),
            of_fork(&unnamed, None),
            of_fork(&here, Some(&python)),
            of_lock(Kind::LeakedLock, "0123456789abcdef", &here, None),
            of_lock(Kind::OrphanedLock, "0123456789abcdef", &here, Some(&python)),
            of_handler("/usr/lib/libgrpc.so.1", Phase::Prepare),
            of_call(Kind::StuckChild, "sem_wait", &here, None),
            of_call(Kind::StuckChild, "sem_wait", &here, Some(&python)),
            of_kind(Kind::Summary),
            of_kind(Kind::ForkOutcome),
        ];
        let known = [
            "3bed538be0abb68c",
            "100c141c89f5f942",
            "229e27b8387f2348",
            "b390862768435ee4",
            "370222ff400341fb",
            "9b25a3e5afc3b761",
            "6aeaab2b6ff849ee",
            "7ece9233f5fb2158",
            "bb87849e22f21004",
            "5effc0e1a0d12a23",
        ];
        assert_eq!(values, known);
    }

    #[test]
    fn addresses_and_folders_make_no_difference() {
        let here = [frame("0x7f0000001000", Some("/usr/lib/libfoo.so"), "0x1000", None)];
        let there = [frame(
            "0x7e0000001000",
            Some("/opt/x/libfoo.so (deleted)"),
            "0x1000",
            Some("foo"),
        )];
        assert_eq!(of_fork(&here, None), of_fork(&there, None));
        assert_eq!(of_fork(&here, None).len(), 16);
        let other = [frame("0x7f0000001000", Some("/usr/lib/libfoo.so"), "0x1008", None)];
        assert_ne!(of_fork(&here, None), of_fork(&other, None));
        let mut rebuilt = here.clone();
        rebuilt[0].build_id = Some("ffff".into());
        assert_ne!(of_fork(&here, None), of_fork(&rebuilt, None));
    }

    #[test]
    fn unknown_modules_count_by_symbol() {
        let jit = [frame("0x1", None, "", None)];
        let elsewhere = [frame("0x9", None, "", None)];
        let named = [frame("0x1", None, "", Some("f"))];
        assert_eq!(of_fork(&jit, None), of_fork(&elsewhere, None));
        assert_ne!(of_fork(&jit, None), of_fork(&named, None));
        assert_ne!(of_fork(&jit, None), of_fork(&[], None));
    }

    #[test]
    fn the_way_from_the_users_line_to_the_fork_makes_no_difference() {
        let standard = |function| python("/usr/lib/python3.11/multiprocessing/popen_fork.py", 66, function);
        let own = |line| python("/srv/bank.py", line, "open");
        let fork = |native: &str, path: &[PythonFrame]| {
            of_fork(&[frame(native, Some("/usr/bin/python3"), native, None)], Some(path))
        };
        let known = fork("0x1", &[standard("_launch"), own(7), python("/srv/main.py", 1, "main")]);
        assert_eq!(known, fork("0x2", &[standard("_spawn"), standard("__init__"), own(7)]));
        assert_ne!(known, fork("0x1", &[standard("_launch"), own(8)]));
        let native = |path: &[&str]| {
            let frames: Vec<Frame> = path
                .iter()
                .map(|offset| frame(offset, Some("/bin/shop"), offset, None))
                .collect();
            let libc = frame("0x9", Some("/lib/libc.so.6"), "0x9", Some("forkpty"));
            of_fork(&[&[libc][..], &frames].concat(), None)
        };
        assert_eq!(native(&["0x1", "0x2"]), native(&["0x1", "0x3", "0x4"]));
        assert_ne!(native(&["0x1", "0x2"]), native(&["0x2"]));
        // Interpreters that cannot be read leave no Python frames.
        assert_eq!(
            of_fork(&[frame("0x1", Some("a"), "0x1", None)], Some(&[])),
            of_fork(&[frame("0x1", Some("a"), "0x1", None)], None)
        );
    }

    /// The same place in a process whose address space is laid out differently, and another place.
    fn here_there_elsewhere() -> [[Frame; 1]; 3] {
        [("0x7f01", "0x1000"), ("0x7e01", "0x1000"), ("0x7f01", "0x2000")]
            .map(|(ip, offset)| [frame(ip, Some("/usr/lib/libfoo.so"), offset, None)])
    }

    #[test]
    fn a_finding_about_a_lock_is_known_by_the_lock_and_by_its_place() {
        let [here, there, elsewhere] = here_there_elsewhere();
        let known = of_lock(Kind::OrphanedLock, "a", &here, None);
        assert_eq!(known, of_lock(Kind::OrphanedLock, "a", &there, None));
        for other in [
            of_lock(Kind::OrphanedLock, "b", &here, None),
            of_lock(Kind::OrphanedLock, "a", &elsewhere, None),
            of_lock(Kind::OrphanedLock, "a", &[], None),
            of_lock(Kind::LeakedLock, "a", &here, None),
        ] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn a_possible_deadlock_is_the_same_under_every_interpreter() {
        let own = [python("/srv/bank.py", 7, "put")];
        let of = |library, lock| of_possible_deadlock(library, lock, &[], Some(&own));
        let known = of("/usr/bin/python3.11", Some("a"));
        for interpreter in ["/usr/local/lib/libpython3.12.so.1.0", "/opt/python3", "/opt/python"] {
            assert_eq!(known, of(interpreter, Some("a")));
        }
        assert_eq!(
            of("/a/_bank.cpython-311-x86_64-linux-gnu.so", None),
            of("/b/_bank.cpython-313t-x86_64-linux-gnu.so", None)
        );
        for other in [
            of("/usr/bin/python3.11", Some("b")),
            of("/usr/lib/libpythonic.so", Some("a")),
        ] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn lines_of_code_that_one_line_runs_are_told_apart() {
        let run = |file, line| {
            let stack = [python(file, line, "<module>"), python("/srv/bank.py", 7, "run")];
            of_fork(&[], Some(&stack))
        };
        assert_ne!(run("<string>", 1), run("<string>", 2));
        assert_ne!(run("<doctest bank[0]>", 1), run("<doctest bank[1]>", 1));
        assert_eq!(run("<frozen runpy>", 1), run("<frozen runpy>", 2));
    }

    #[test]
    fn a_call_is_known_by_its_name_and_place() {
        let [here, there, elsewhere] = here_there_elsewhere();
        let known = of_call(Kind::StuckChild, "sem_wait", &here, None);
        assert_eq!(known, of_call(Kind::StuckChild, "sem_wait", &there, None));
        for other in [
            of_call(Kind::StuckChild, "sem_wait", &elsewhere, None),
            of_call(Kind::StuckChild, "pthread_cond_wait", &here, None),
            of_call(Kind::UnsafeCall, "sem_wait", &here, None),
        ] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn of_python_calls_the_innermost_function_counts_too() {
        let standard = |function| python("/usr/lib/python3.11/threading.py", 320, function);
        let of = |function| {
            of_call(
                Kind::StuckChild,
                "sem_wait",
                &[],
                Some(&[standard(function), python("/srv/bank.py", 7, "put")]),
            )
        };
        assert_eq!(of("Condition.wait"), of("Condition.wait"));
        assert_ne!(of("Condition.wait"), of("Thread.join"));
    }

    #[test]
    fn a_handler_is_known_by_its_librarys_name_and_its_phase() {
        let known = of_handler("/usr/lib/libgrpc.so.1", Phase::Prepare);
        assert_eq!(known, of_handler("/opt/libgrpc.so.1 (deleted)", Phase::Prepare));
        assert_ne!(known, of_handler("/usr/lib/libgrpc.so.2", Phase::Prepare));
        assert_ne!(known, of_handler("/usr/lib/libgrpc.so.1", Phase::Child));
    }
}
