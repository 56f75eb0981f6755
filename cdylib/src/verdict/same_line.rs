//! Whether a fork that comes from a new place is one of a line that was reported already: many ways may lead to it.

use forkwatch_schema::fingerprint;

use super::own_locks::Interpreter;
use super::{fork_findings, suppressions, unsafe_fork};
use crate::config;
use crate::snapshot::names::{self, frames};
use crate::snapshot::origin::ForkOrigin;
use crate::snapshot::place::Place;
use crate::snapshot::python;
use crate::state::depot;
use crate::state::report_lock::ReportLock;

/// The place of the finding that this fork belongs to; `None` where there is none yet. Called before the copy, because the child
/// must know which record its own belong to.
pub fn find(lock: &mut ReportLock, origin: &ForkOrigin) -> Option<Place> {
    let config = config::get();
    // With rules about threads, a line is judged again for others.
    if config.repeat_all || !fork_findings::are_any(lock) || suppressions::rules().has_thread_rules() {
        return None;
    }
    let mut resolver = names::resolver()?;
    let addresses = depot::frames(origin.stack);
    let stack = frames(&mut resolver, addresses, false);
    let interpreter = Interpreter::find(resolver.modules());
    let python = if config.python {
        python::current_stack(config.depth)
    } else {
        None
    };
    if unsafe_fork::is_exec_bound(addresses, &stack, python.as_deref(), interpreter.as_ref()) {
        return None;
    }
    let fingerprint = fingerprint::of_fork(&stack, python.as_deref());
    fork_findings::join(lock, origin.place, &fingerprint)
}
