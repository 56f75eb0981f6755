//! `possible_deadlock`: a forked child takes a lock that a thread of its parent takes, too.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Frame, Lock, PossibleDeadlock, PythonFrame};
use forkwatch_schema::{fingerprint, users_frame};

use super::child_call::ChildCall;
use super::envelope::{Content, program_path};
use super::lock;
use crate::verdict::possible_deadlock::{Evidence, Taker};

/// The finding.
pub fn content(taker: &Taker, evidence: Evidence, call: ChildCall) -> Content {
    let Evidence {
        owner,
        identity,
        acquired_stack,
        acquired_python_stack,
        is_pythons,
    } = evidence;
    let lock = Lock {
        owner_tid: Some(taker.tid),
        owner,
        acquired_python_stack,
        ..lock::of_entry(&taker.entry(), identity, acquired_stack)
    };
    Content {
        severity: Severity::Error,
        kind: Kind::PossibleDeadlock,
        fingerprint: fingerprint(&call, lock.id.as_deref(), is_pythons),
        fork_id: None,
        detail: Detail::PossibleDeadlock(PossibleDeadlock {
            call: call.function.to_owned(),
            lock,
            stack: call.stack,
            python_stack: call.python_stack,
        }),
        truncated: Vec::new(),
    }
}

/// A library may take many locks for one call of the user's. So the line that calls the library counts, and not which of its locks
/// was taken; but of a lock that the user's own code takes, the lock counts, too.
fn fingerprint(call: &ChildCall, lock_id: Option<&str>, is_pythons: bool) -> String {
    let module = |frame: &Frame| frame.module.as_deref().map_or("", base_name).to_owned();
    let library = call.stack.first().map(module).unwrap_or_default();
    if let Some(frames) = &call.python_stack {
        let is_innermost = |users: &PythonFrame| frames.first().is_some_and(|first| core::ptr::eq(first, users));
        let is_own = is_pythons
            && users_frame::of_python(frames)
                .is_some_and(|users| is_innermost(users_frame::run_by(users, frames).unwrap_or(users)));
        return fingerprint::of_possible_deadlock(&library, lock_id.filter(|_| is_own), &call.stack, Some(frames));
    }
    let inside = call.stack.iter().take_while(|frame| module(frame) == library).count();
    match call.stack.get(inside..) {
        Some(callers @ [_, ..]) if library != base_name(&program_path()) => {
            fingerprint::of_possible_deadlock(&library, None, callers, None)
        }
        _ => fingerprint::of_possible_deadlock(&library, lock_id, &call.stack, None),
    }
}
