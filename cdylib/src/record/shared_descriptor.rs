//! `shared_wakeup` and `shared_fd`: a forked child uses a descriptor that belongs to its parent, too.

use std::rc::Rc;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Frame, SharedDescriptor, Thread, Waiting};
use forkwatch_schema::system_calls;

use super::child_call::ChildCall;
use super::envelope::Content;
use crate::config;
use crate::snapshot::names::frames;
use crate::snapshot::parent_waits::{self, Waiter};
use crate::state::own_code;
use crate::state::report_lock::ReportLock;
use crate::system::printable::printable;
use crate::system::task;
use crate::verdict::{fork_record, parent};

/// The finding about this descriptor, on which these threads of the parent wait; the first of them are in `threads`.
pub fn content(
    kind: Kind,
    fd: i32,
    fd_type: &'static str,
    parent_tids: Vec<i32>,
    threads: Vec<Thread>,
    call: ChildCall,
) -> Content {
    Content {
        severity: if kind == Kind::SharedWakeup {
            Severity::Error
        } else {
            Severity::Warn
        },
        kind,
        fingerprint: fingerprint::of_call(kind, call.function, &call.stack, call.python_stack.as_deref()),
        fork_id: None,
        detail: Detail::SharedDescriptor(SharedDescriptor {
            fd,
            fd_type: fd_type.to_owned(),
            call: call.function.to_owned(),
            parent_tids,
            threads,
            stack: call.stack,
            python_stack: call.python_stack,
        }),
        truncated: Vec::new(),
    }
}

/// A thread of the parent that waits, with its stack where this process's copy of it shows it.
pub fn thread(lock: &ReportLock, waiter: &Waiter, parent: i32, resolver: &mut Resolver) -> Thread {
    let name = parent::name_of_lost_thread(lock, waiter.tid).or_else(|| {
        let name = task::name_in(parent, waiter.tid)?;
        Some(printable(&name))
    });
    let number = fork_record::newest_number();
    Thread {
        tid: waiter.tid,
        name: name.unwrap_or_default(),
        start_routine: parent::start_routine_of_lost(lock, number, waiter.tid, resolver),
        created_stack: None,
        stack: stack(waiter, parent, resolver),
        python_stack: None,
        waiting: Some(Waiting {
            call: system_calls::name(waiter.call.number),
            address: None,
        }),
    }
}

fn stack(waiter: &Waiter, parent: i32, resolver: &mut Resolver) -> Option<Vec<Frame>> {
    if !parent_waits::stack_is_as_copied(parent, &waiter.call) {
        return None;
    }
    let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
    let call = &waiter.call;
    let addresses = unwinder.stack(call.program_counter, call.stack_pointer, config::get().depth);
    // Beyond our wrapper that started the thread there is only libc.
    let own = addresses.iter().position(|&address| own_code::contains(address));
    let addresses = addresses.get(..own.unwrap_or(addresses.len()))?;
    Some(frames(resolver, addresses, true))
}
