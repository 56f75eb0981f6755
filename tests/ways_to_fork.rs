//! Every call that forks is seen, named, and can be refused.

use crate::support::process::End;
use crate::support::program::{Language, Program};
use crate::support::programs;
use crate::support::ways::watch;
use forkwatch_schema::kind::Kind;

programs! {
    C: unsafe_fork_ways;
}

#[test]
fn every_way_can_be_refused() {
    let program = Program::ready(Language::C, "unsafe_fork_ways").expect("the program can be built");
    for arguments in &program.head.runs {
        let options = [("FORKWATCH_STRICT", "threads"), ("FORKWATCH_ACTION", "fail")];
        let watched = watch(&program, &program.starts[0], arguments, &options);
        // The program calls itself broken when the call returns -1.
        assert_eq!(watched.run.end, End::Exit(5), "{arguments:?}: {watched:?}");
        assert_eq!(watched.run.stdout, "", "{arguments:?}: no child may have run");
        let reported = watched.of(Kind::UnsafeFork);
        assert_eq!(reported.len(), 1, "{arguments:?}: {watched:?}");
        let fork = reported[0].unsafe_fork().expect("its fields are known");
        assert_eq!(fork.fork.function, arguments[1]);
        assert_eq!(fork.fork.child_pid, None, "{arguments:?}");
    }
}

#[test]
fn every_way_can_be_stopped_by_abort() {
    let program = Program::ready(Language::C, "unsafe_fork_ways").expect("the program can be built");
    for arguments in program.head.runs.iter().filter(|arguments| arguments[0] != "daemon") {
        let watched = watch(
            &program,
            &program.starts[0],
            arguments,
            &[("FORKWATCH_STRICT", "threads")],
        );
        assert_eq!(
            watched.run.end,
            End::Signal(libc::SIGABRT),
            "{arguments:?}: {watched:?}"
        );
        assert_eq!(watched.of(Kind::UnsafeFork).len(), 1, "{arguments:?}: {watched:?}");
    }
}
