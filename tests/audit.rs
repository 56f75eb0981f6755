//! What a forked child of a threaded process must not call: functions that are not async-signal-safe, where the user asks for an
//! audit, and libraries that do not work after fork. And what it may do, of which nothing must be said.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Record};

use crate::support::process::End;
use crate::support::program::{Language, Program};
use crate::support::programs;
use crate::support::records::Line;
use crate::support::ways::{Watched, watch};

programs! {
    C: unsafe_call, unsafe_call_chain, silent_audit, silent_audit_alone, silent_unaudited, guarded_call_known, guarded_call_named,
       guarded_call_openmp, guarded_call_main_loop, guarded_call_bus, silent_guarded, silent_guarded_alone, silent_guarded_openmp;
    Cpp: unsafe_call_standard;
    Rust: unsafe_call_rust;
    Python: unsafe_call_python, guarded_call_ctypes, guarded_call_kept, silent_python_audit;
}

fn watched(name: &str, arguments: &[&str], options: &[(&str, &str)]) -> Watched {
    let program = Program::ready(Language::C, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    watch(&program, &program.starts[0], &arguments, options)
}

fn records<'watched>(watched: &'watched Watched, kind: Kind) -> Vec<&'watched Record> {
    let record = |line: &&'watched Line| line.record.as_ref();
    watched.of(kind).iter().filter_map(record).collect()
}

fn calls(watched: &Watched, kind: Kind) -> Vec<String> {
    let call = |record: &&Record| match &record.detail {
        Detail::Call(call) => Some(call.call.clone()),
        _ => None,
    };
    records(watched, kind).iter().filter_map(call).collect()
}

#[test]
fn all_that_one_function_calls_is_one_finding_shown_once_in_full() {
    let watched = watched("unsafe_call_chain", &[], &[]);
    let records = records(&watched, Kind::UnsafeCall);
    let log_line: Vec<&str> = records[..4].iter().map(|record| &*record.fingerprint).collect();
    assert!(
        log_line.iter().all(|fingerprint| *fingerprint == log_line[0]),
        "{watched:?}"
    );
    assert_ne!(records[4].fingerprint, log_line[0], "{watched:?}");
    assert_eq!(watched.text.matches("Why this can hang:").count(), 3, "{watched:?}");
    assert_eq!(
        watched
            .text
            .matches("The same function made another such call before")
            .count(),
        3,
        "{watched:?}"
    );
}

#[test]
fn names_and_families_are_selected() {
    for (audit, expected) in [
        ("snprintf,exit", &["snprintf", "exit"][..]),
        ("time", &["localtime_r"]),
        ("*alloc", &["malloc"]),
        ("off", &[]),
    ] {
        let watched = watched("unsafe_call_chain", &[], &[("FORKWATCH_AUDIT", audit)]);
        assert_eq!(calls(&watched, Kind::UnsafeCall), expected, "{audit}: {watched:?}");
    }
    let wrong = watched("unsafe_call_chain", &[], &[("FORKWATCH_AUDIT", "snprntf")]);
    assert!(calls(&wrong, Kind::UnsafeCall).is_empty(), "{wrong:?}");
    assert!(
        wrong
            .text
            .contains("the nearest valid name is snprintf; using the default, off"),
        "{wrong:?}"
    );
}

#[test]
fn a_suppressed_library_leaves_the_calls_of_others() {
    let folder = crate::support::process::Folder::new("audit");
    let rules = folder.join("rules");
    std::fs::write(&rules, "unsafe_call:log_line\n").expect("the rules can be written");
    let rules = rules.display().to_string();
    let watched = watched("unsafe_call_chain", &[], &[("FORKWATCH_SUPPRESS", &rules)]);
    assert_eq!(calls(&watched, Kind::UnsafeCall), ["exit"], "{watched:?}");
}

#[test]
fn strict_mode_stops_the_child_at_its_first_unsafe_call() {
    let strict = ("FORKWATCH_STRICT", "child");
    let stopped = watched("unsafe_call_chain", &[], &[strict]);
    assert_eq!(stopped.run.stdout, "child: aborted\n", "{stopped:?}");
    assert_eq!(calls(&stopped, Kind::UnsafeCall), ["malloc"], "{stopped:?}");
    assert!(stopped.text.contains("FORKWATCH_STRICT=child"), "{stopped:?}");
    let ended = watched("unsafe_call_chain", &[], &[strict, ("FORKWATCH_ACTION", "exit:9")]);
    assert_eq!(ended.run.stdout, "child: ended with status 0x900\n", "{ended:?}");
}

#[test]
fn strict_mode_stops_the_child_before_it_calls_a_named_library() {
    let options = [("FORKWATCH_STRICT", "child"), ("FORKWATCH_GUARD", "libcuda*")];
    let stopped = watched("guarded_call_known", &["direct"], &options);
    assert_eq!(
        stopped.run.end,
        End::Exit(0),
        "the child does not reach its answer: {stopped:?}"
    );
    let found = records(&stopped, Kind::GuardedCall);
    assert_eq!(found[0].severity, Severity::Error, "{stopped:?}");
    // What makers say of their library is not proven here.
    let goes_on = watched("guarded_call_known", &["direct"], &options[..1]);
    assert_eq!(goes_on.run.end, End::Exit(3), "{goes_on:?}");
}
