//! `FORKWATCH_STRICT` in the child: what stops it, how, and that the fork itself goes through.

use forkwatch_schema::kind::{Kind, Severity};

use crate::support::process::End;
use crate::support::program::{Language, Program};
use crate::support::ways::{Watched, watch};

fn watched(name: &str, arguments: &[&str], options: &[(&str, &str)]) -> Watched {
    let program = Program::ready(Language::C, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    watch(&program, &program.starts[0], &arguments, options)
}

const CHILD: (&str, &str) = ("FORKWATCH_STRICT", "child");

#[test]
fn the_child_is_stopped_at_its_first_proven_violation() {
    for (name, arguments, kind) in [
        ("unsafe_fork_mutex", &["plain", "lock"][..], Kind::OrphanedLock),
        ("stuck_wait", &["condition"], Kind::StuckChild),
        ("stuck_wait", &["futex"], Kind::StuckChild),
    ] {
        let watched = watched(name, arguments, &[CHILD]);
        assert_eq!(watched.run.stdout, "child: aborted\n", "{watched:?}");
        let reported = watched.of(kind);
        assert_eq!(
            (reported.len(), reported[0].severity),
            (1, Severity::Fatal),
            "{watched:?}"
        );
        assert_eq!(
            watched.of(Kind::UnsafeFork).len(),
            1,
            "the fork went through: {watched:?}"
        );
        assert!(watched.text.contains("FORKWATCH_STRICT=child"), "{watched:?}");
    }
}

#[test]
fn fail_acts_as_abort_in_a_child_and_exit_ends_it() {
    let abort = watched("stuck_wait", &["semaphore"], &[CHILD, ("FORKWATCH_ACTION", "fail")]);
    assert_eq!(abort.run.stdout, "child: aborted\n", "{abort:?}");
    let exit = watched("stuck_wait", &["semaphore"], &[CHILD, ("FORKWATCH_ACTION", "exit:7")]);
    assert_eq!(exit.run.stdout, "child: ended with status 0x700\n", "{exit:?}");
}

#[test]
fn what_is_not_proven_stops_no_child() {
    for (name, arguments) in [
        ("orphaned_attempt", &["pthread_mutex_trylock"][..]),
        ("thread_after_fork", &["pthread_create"]),
        ("child_made_anew", &["init", "mutex"]),
        ("child_waits_that_end", &["own_thread_condition"]),
    ] {
        let watched = watched(name, arguments, &[CHILD]);
        assert_eq!(watched.run.end, End::Exit(0), "{name}: {watched:?}");
        assert_eq!(watched.of(Kind::UnsafeFork).len(), 1, "{name}: {watched:?}");
    }
}

/// The parent of an exec-bound child is not stopped, whatever it holds; the child is, when it goes astray on the way.
#[test]
fn an_exec_bound_child_is_stopped_when_it_goes_astray() {
    let program = match Program::ready(Language::Python, "child_preexec_lock") {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {reason}"),
    };
    for strict in ["threads", "locks", "child"] {
        let watched = watch(&program, &program.starts[0], &[], &[("FORKWATCH_STRICT", strict)]);
        assert_eq!(watched.run.end, End::Exit(0), "{strict}: {watched:?}");
        assert_eq!(watched.run.stdout, "child: ended with -6\n", "{strict}: {watched:?}");
        let reported = watched.of(Kind::OrphanedLock);
        assert_eq!(reported.len(), 1, "{strict}: {watched:?}");
        let fork = watched.of(Kind::UnsafeFork)[0]
            .unsafe_fork()
            .expect("its fields are known");
        assert!(fork.fork.exec_bound, "{strict}: {watched:?}");
    }
}
