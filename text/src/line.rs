//! A finding in one line: severity, kind, place, what it is about, fingerprint.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Frame, Lock, PythonFrame, Record};

use super::page::{Look, Page};
use super::shorten::quoted;
use super::style::Style;
use super::{frames, lock};

/// Writes `ERROR unsafe_fork at pay (shop.c:7): the mutex "door"; fingerprint 9f2c4e1ab07d3358`. With the option that stopped the fork
/// or the child, if one did.
pub fn write(page: &mut Page<'_>, record: &Record, stopped: Option<&str>) {
    let mut about = format!(" {}", record.kind.name());
    if let Some(place) = place(&record.detail, page.style) {
        about.push_str(&place);
    }
    let what = what(&record.detail);
    if !what.is_empty() {
        about.push_str(": ");
        about.push_str(&what);
    }
    about.push_str("; fingerprint ");
    about.push_str(&record.fingerprint);
    if let Some(option) = stopped {
        about.push_str("; stopped by ");
        about.push_str(option);
    }
    page.line(
        0,
        &[
            (Look::Level(record.severity), record.severity.name()),
            (Look::Plain, &about),
        ],
    );
}

/// ` at pay (shop.c:7)`.
fn place(detail: &Detail, style: &Style) -> Option<String> {
    let at = |python: Option<&[PythonFrame]>, native: &[Frame]| {
        Some(format!(" at {}", frames::place(python, native, style)?))
    };
    match detail {
        Detail::UnsafeFork(fork) => at(fork.fork.python_stack.as_deref(), &fork.fork.stack),
        Detail::OrphanedLock(child) => at(child.python_stack.as_deref(), &child.stack),
        Detail::PossibleDeadlock(child) => at(child.python_stack.as_deref(), &child.stack),
        Detail::StuckChild(child) => at(child.python_stack.as_deref(), &child.stack),
        Detail::SharedDescriptor(child) => at(child.python_stack.as_deref(), &child.stack),
        Detail::Call(child) => at(child.python_stack.as_deref(), &child.stack),
        Detail::LeakedLock(leaked) => at(
            leaked.lock.acquired_python_stack.as_deref(),
            &leaked.lock.acquired_stack,
        ),
        Detail::SlowHandler(slow) => Some(format!(" in {}", base_name(slow.library.as_deref()?))),
        Detail::ForkOutcome(_) | Detail::Summary(_) => None,
    }
}

/// `the mutex "door"`; empty where there is nothing to name.
fn what(detail: &Detail) -> String {
    let held = |locks: &[Lock]| lock::all_as_held(&locks.iter().collect::<Vec<_>>());
    match detail {
        Detail::UnsafeFork(fork) => held(&fork.locks),
        Detail::OrphanedLock(child) => held(std::slice::from_ref(&child.lock)),
        Detail::PossibleDeadlock(child) => held(std::slice::from_ref(&child.lock)),
        Detail::LeakedLock(leaked) => held(std::slice::from_ref(&leaked.lock)),
        Detail::StuckChild(child) => {
            let object = child.object.name();
            match &child.name {
                Some(name) => format!("the {object} {}", quoted(name)),
                None => format!("a {object}"),
            }
        }
        Detail::SharedDescriptor(child) => format!("descriptor {} ({})", child.fd, child.fd_type),
        Detail::Call(child) => child.call.clone(),
        Detail::SlowHandler(slow) => match &slow.waits {
            Some(waits) => format!("waits in {}", waits.call),
            None => format!("{} ms", slow.milliseconds),
        },
        Detail::ForkOutcome(_) | Detail::Summary(_) => String::new(),
    }
}
