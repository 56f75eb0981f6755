//! A `stuck_child` reported from outside, on behalf of the child.

use forkwatch_process::cpython::ForeignPython;
use forkwatch_schema::SCHEMA;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::path::base_name;
use forkwatch_schema::record::{Detail, Frame, PythonFrame, Record, StuckChild, WaitObject};
use forkwatch_schema::signals::{Handled, Power};
use forkwatch_text::headline;

use super::sinks::Sinks;
use super::tree::Member;
use crate::clock;
use crate::proc::{FutexWait, Process, SystemCall};
use crate::records;
use crate::stack::{self, power_over_wait, waiting_function};

/// What is called where no function of libc is known.
const FUTEX: &str = "futex";

/// The record about a child that waits for ever; `None` if the reason was already reported, or if it waits for a signal.
pub fn of(member: &Member, sinks: &Sinks) -> Option<Record> {
    let process = member.process;
    let call = process.system_call().ok()?;
    let wait = FutexWait::of(&call)?;
    let SystemCall::Waiting {
        stack_pointer, counter, ..
    } = call
    else {
        return None;
    };
    let exe = process.program().ok()?.to_string_lossy().into_owned();
    let reported = sinks.reported(member);
    if reported.iter().any(records::explains) {
        return None;
    }
    let parent = Process(member.stat.parent);
    let has_same_program = parent.program().is_ok_and(|program| program.to_string_lossy() == exe);
    let parent = Some(parent).filter(|_| has_same_program);
    let modules = stack::modules(process);
    let python = modules.as_ref().ok().and_then(ForeignPython::find);
    let python_stack = python.as_ref().and_then(|python| python_stack(process, python));
    let stack = modules.and_then(|modules| stack::of(modules, stack_pointer, counter));
    let stack = stack.unwrap_or_default();
    let function = waiting_function(&stack);
    let handled = Handled {
        here: process.status().ok()?.handled_signals,
        in_parent: parent.and_then(|parent| Some(parent.status().ok()?.handled_signals)),
    };
    let severity = match power_over_wait(&stack, python_stack.as_deref(), python.is_some(), handled) {
        Power::Nothing => Severity::Fatal,
        Power::Leave => Severity::Error,
        Power::End => return None,
    };
    let call = function.unwrap_or(FUTEX).to_owned();
    let arguments = process.arguments().ok().filter(|_| sinks.has_arguments());
    let words = |words: Vec<std::ffi::OsString>| words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let modules = stack::modules(process).ok();
    let variable = modules.and_then(|modules| stack::variable_at(modules, wait.address));
    let mut record = Record {
        time: clock::now(),
        severity,
        schema: SCHEMA.to_owned(),
        kind: Kind::StuckChild,
        fingerprint: fingerprint::of_call(Kind::StuckChild, &call, &stack, python_stack.as_deref()),
        message: String::new(),
        host: records::host(),
        pid: process.0,
        ppid: member.stat.parent,
        tid: process.0,
        thread: member.stat.name.clone(),
        argv: arguments.map(words),
        service: sinks.service(base_name(&exe)),
        exe,
        context: sinks.context(),
        fork_id: reported.into_iter().find_map(|record| record.fork_id),
        detail: Detail::StuckChild(detail(call, wait.address, variable, parent, stack, python_stack)),
        truncated: Vec::new(),
    };
    record.message = headline(&record);
    Some(record)
}

/// The Python frames of a process with one thread.
fn python_stack(process: Process, python: &ForeignPython) -> Option<Vec<PythonFrame>> {
    let threads = python.threads(stack::MAX_FRAMES);
    let frames = &python.only(&threads, process.0)?.frames;
    (!frames.is_empty()).then(|| frames.clone())
}

fn detail(
    call: String,
    address: u64,
    name: Option<String>,
    parent: Option<Process>,
    stack: Vec<Frame>,
    python_stack: Option<Vec<PythonFrame>>,
) -> StuckChild {
    StuckChild {
        object: object(&call),
        name,
        call,
        address: Some(format!("{address:#x}")),
        parent_tids: parent.map_or_else(Vec::new, |parent| waiters(parent, address)),
        lost_threads: Vec::new(),
        timed_waits: None,
        stack,
        python_stack,
    }
}

fn object(call: &str) -> WaitObject {
    let starts = [
        ("pthread_mutex_", WaitObject::Mutex),
        ("pthread_rwlock_", WaitObject::Rwlock),
        ("pthread_cond_", WaitObject::Condition),
        ("sem_", WaitObject::Semaphore),
    ];
    let known = starts.iter().find(|(start, _)| call.starts_with(start));
    known.map_or(WaitObject::Futex, |(_, object)| *object)
}

/// The parent's threads that wait at the same address now: a copy lies where the original does.
fn waiters(parent: Process, address: u64) -> Vec<i32> {
    let threads = parent.threads().unwrap_or_default().into_iter();
    let waits = |thread: &i32| {
        let call = parent.system_call_of(*thread).ok();
        let wait = call.and_then(|call| FutexWait::of(&call));
        wait.is_some_and(|wait| wait.address == address)
    };
    threads.filter(waits).collect()
}
