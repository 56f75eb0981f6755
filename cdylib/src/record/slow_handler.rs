//! `slow_handler`: an at-fork handler took over a second, or waits.

use std::rc::Rc;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::modules::Modules;
use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, HandlerWait, Phase, SlowHandler, Thread, Waiting};
use forkwatch_schema::system_calls;

use super::envelope::Content;
use crate::config;
use crate::snapshot::names::frames;
use crate::state::depot::{self, StackId};
use crate::state::own_code;
use crate::system::printable::printable;
use crate::system::task;

/// The finding about the handler at this address, which waits in a call with this stack for the thread with this id.
pub fn waiting(
    (handler, phase): (usize, Phase),
    (call, stack): (&str, StackId),
    wait: Wait,
    resolver: &mut Resolver,
) -> Content {
    let thread = thread(wait.tid, resolver);
    let waits = HandlerWait {
        call: call.to_owned(),
        stack: frames(resolver, depot::frames(stack), false),
        thread,
    };
    let content = content(handler, phase, wait.milliseconds);
    let Detail::SlowHandler(detail) = content.detail else {
        return content;
    };
    Content {
        severity: wait.severity,
        detail: Detail::SlowHandler(SlowHandler {
            waits: Some(waits),
            ..detail
        }),
        ..content
    }
}

/// What a wait is for.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// The thread that it waits for; 0 where that is not known.
    pub tid: i32,
    /// How bad it is: `FATAL` where that thread is the caller itself.
    pub severity: Severity,
    /// How long it has lasted.
    pub milliseconds: u64,
}

/// A thread, and where it is now.
fn thread(tid: i32, resolver: &mut Resolver) -> Option<Thread> {
    if tid == 0 {
        return None;
    }
    let blocked = task::blocked_call(tid);
    let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
    let addresses = blocked.map(|blocked| {
        let mut addresses = unwinder.stack(blocked.program_counter, blocked.stack_pointer, config::get().depth);
        addresses.retain(|&address| !own_code::contains(address));
        addresses
    });
    let is_there = blocked.is_some() && task::blocked_call(tid) == blocked;
    let stack = addresses
        .filter(|_| is_there)
        .map(|addresses| frames(resolver, &addresses, true));
    Some(Thread {
        tid,
        name: printable(&task::name(tid)),
        start_routine: None,
        created_stack: None,
        stack,
        python_stack: None,
        waiting: blocked.map(|blocked| Waiting {
            call: system_calls::name(blocked.number),
            address: None,
        }),
    })
}

/// The finding about the handler at this address.
pub fn content(handler: usize, phase: Phase, milliseconds: u64) -> Content {
    let library = Modules::read().and_then(|modules| Some(printable(modules.find(handler)?.path())));
    Content {
        severity: Severity::Warn,
        kind: Kind::SlowHandler,
        fingerprint: fingerprint::of_handler(library.as_deref().unwrap_or_default(), phase),
        fork_id: None,
        detail: Detail::SlowHandler(SlowHandler {
            library,
            phase,
            milliseconds,
            waits: None,
        }),
        truncated: Vec::new(),
    }
}
