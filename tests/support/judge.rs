//! A run's records against what the program's head demands.

use forkwatch_schema::kind::{KINDS, Kind, Severity};
use forkwatch_schema::record::{Frame, Lock, LockKind, Outcome, PythonFrame, Thread};
use glob::Pattern;

use super::head::{Demand, Expectation, Head};
use super::records::Line;

/// All that is wrong with the records of a watched run.
pub fn wrongs(head: &Head, arguments: &[String], lines: &[Line]) -> Vec<String> {
    let mut wrongs = Vec::new();
    if head.silent {
        wrongs.extend(lines.iter().map(|line| format!("not silent: {}", line.text)));
        return wrongs;
    }
    if let Some(at_most) = head.at_most {
        let worse = lines.iter().filter(|line| line.severity > at_most);
        wrongs.extend(worse.map(|line| format!("worse than {}: {}", at_most.name(), line.text)));
    }
    let expected: Vec<_> = head
        .expected
        .iter()
        .map(|expectation| expectation.for_run(arguments))
        .collect();
    let is_expected = |line: &&Line| expected.iter().any(|expectation| expectation.kind == line.kind);
    let is_allowed = |line: &&Line| {
        let fits = |allowed: &Expectation| {
            allowed.kind == line.kind && allowed.severity.is_none_or(|severity| severity == line.severity)
        };
        let with_a_fork = || line.kind == Kind::ForkOutcome && may_fork(head, &expected);
        let anything = expected.is_empty() && head.at_most.is_some();
        line.kind == Kind::Summary || with_a_fork() || head.allowed.iter().any(fits) || anything
    };
    let strange = lines.iter().filter(|line| !is_expected(line) && !is_allowed(line));
    wrongs.extend(strange.map(|line| format!("not expected: {}", line.text)));
    let reported: Vec<_> = lines.iter().filter(is_expected).collect();
    if head.maybe && reported.is_empty() {
        return wrongs;
    }
    if head.any_count {
        for expectation in &expected {
            let misses: Vec<_> = reported
                .iter()
                .filter_map(|line| expectation.misses(line, lines))
                .collect();
            if misses.len() == reported.len() {
                wrongs.push(format!(
                    "of {} records none is {expectation:?}: {misses:?}",
                    reported.len()
                ));
            }
        }
        return wrongs;
    }
    // Parent and child write to one log: what a kind's records are is certain, which kind comes first is not.
    for kind in KINDS.iter().map(|row| row.kind) {
        let expected: Vec<_> = expected.iter().filter(|expectation| expectation.kind == kind).collect();
        let reported: Vec<_> = reported.iter().filter(|line| line.kind == kind).collect();
        for (expectation, line) in expected.iter().zip(&reported) {
            wrongs.extend(
                expectation
                    .misses(line, lines)
                    .map(|miss| format!("{miss} in {}", line.text)),
            );
        }
        for expectation in expected.iter().skip(reported.len()) {
            wrongs.push(format!("not reported: {expectation:?}"));
        }
        wrongs.extend(
            reported
                .iter()
                .skip(expected.len())
                .map(|line| format!("reported but not expected: {}", line.text)),
        );
    }
    wrongs
}

/// Whether an `unsafe_fork` may come, and with it what became of its child.
fn may_fork(head: &Head, expected: &[Expectation]) -> bool {
    let all = expected.iter().chain(&head.allowed);
    all.into_iter().any(|expectation| expectation.kind == Kind::UnsafeFork)
}

impl Expectation {
    /// What of this the record does not give; `None` where it gives all.
    fn misses(&self, line: &Line, lines: &[Line]) -> Option<String> {
        if self.kind != line.kind {
            return Some(format!("kind {}", self.kind.name()));
        }
        if self.severity.is_some_and(|severity| severity != line.severity) {
            return Some(format!("severity {}", self.severity.map_or("", Severity::name)));
        }
        self.groups
            .iter()
            .flat_map(|group| group_misses(group, line, lines))
            .next()
    }
}

/// The demands of one line: those on the record one by one, those on a lock or a thread together.
fn group_misses(group: &[Demand], line: &Line, lines: &[Line]) -> Option<String> {
    let of = |keys: &[&str]| -> Vec<&Demand> { group.iter().filter(|(key, _)| keys.contains(&key.as_str())).collect() };
    let of_lock = of(&[
        "lock",
        "owner",
        "acquired",
        "taken",
        "name",
        "maker",
        "made_anew",
        "waiters",
    ]);
    let of_thread = of(&["thread", "start", "created", "blocked", "thread_python"]);
    let of_record: Vec<_> = group
        .iter()
        .filter(|demand| !of_lock.contains(demand) && !of_thread.contains(demand))
        .collect();
    let fork = line.unsafe_fork();
    let locks: Vec<&Lock> = fork.map_or(Vec::new(), |fork| fork.locks.iter().collect());
    let of_leak = line.leaked_lock().map(|leak| &leak.lock);
    let of_orphan = line.orphaned_lock().map(|orphan| &orphan.lock);
    let of_possible = line.possible_deadlock().map(|possible| &possible.lock);
    let locks: Vec<&Lock> = locks
        .into_iter()
        .chain(of_leak)
        .chain(of_orphan)
        .chain(of_possible)
        .collect();
    let threads: &[Thread] = fork.map_or(&[], |fork| &fork.threads);
    if let Some(miss) = of_record.iter().find(|demand| !record_gives(line, lines, demand)) {
        return Some(format!("{}={}", miss.0, miss.1));
    }
    if !of_lock.is_empty()
        && !locks
            .iter()
            .any(|lock| of_lock.iter().all(|demand| lock_gives(lock, demand)))
    {
        return Some(format!("a lock with {of_lock:?}"));
    }
    if !of_thread.is_empty()
        && !threads
            .iter()
            .any(|thread| of_thread.iter().all(|demand| thread_gives(thread, demand)))
    {
        return Some(format!("a thread with {of_thread:?}"));
    }
    None
}

fn record_gives(line: &Line, lines: &[Line], (key, value): &Demand) -> bool {
    if let Some(fork) = line.unsafe_fork() {
        match key.as_str() {
            "function" => return fork.fork.function == *value,
            "fork" => return names(&fork.fork.stack, value),
            "python" => return python_names(fork.fork.python_stack.as_deref(), value),
            "locks" => return fork.locks.len().to_string() == *value,
            "threads" => return fork.threads.len().to_string() == *value,
            _ => {}
        }
    }
    let (orphan, stuck, call) = (line.orphaned_lock(), line.stuck_child(), line.call());
    let shared = line.shared_descriptor();
    let parent_tids = stuck
        .map(|stuck| &stuck.parent_tids)
        .or(shared.map(|shared| &shared.parent_tids));
    let in_child = None
        .or(orphan.map(|orphan| (&orphan.call, &orphan.stack, &orphan.python_stack)))
        .or(line
            .possible_deadlock()
            .map(|possible| (&possible.call, &possible.stack, &possible.python_stack)))
        .or(stuck.map(|stuck| (&stuck.call, &stuck.stack, &stuck.python_stack)))
        .or(call.map(|call| (&call.call, &call.stack, &call.python_stack)))
        .or(shared.map(|shared| (&shared.call, &shared.stack, &shared.python_stack)));
    let word_is = |word: Option<&str>| word.is_some_and(|word| fits(value, word));
    match key.as_str() {
        "call" => in_child.is_some_and(|(call, _, _)| call == value),
        "in" => in_child.is_some_and(|(_, stack, _)| names(stack, value)),
        "python" => in_child.is_some_and(|(_, _, python)| python_names(python.as_deref(), value)),
        "blocking" => orphan.is_some_and(|orphan| orphan.blocking.to_string() == *value),
        "object" => stuck.is_some_and(|stuck| stuck.object.name() == value),
        "parent_tids" => parent_tids.is_some_and(|tids| match value.as_str() {
            "any" => !tids.is_empty(),
            number => tids.len().to_string() == number,
        }),
        "fd_type" => shared.is_some_and(|shared| shared.fd_type == *value),
        "waiter" => shared.is_some_and(|shared| {
            let stack = |thread: &Thread| names(thread.stack.as_deref().unwrap_or_default(), value);
            shared
                .threads
                .iter()
                .any(|thread| thread.name == *value && stack(thread))
        }),
        "library" => {
            let handler = line.slow_handler().and_then(|handler| handler.library.as_deref());
            word_is(handler.or(call.and_then(|call| call.library.as_deref())))
        }
        "phase" => word_is(line.slow_handler().map(|handler| handler.phase.name())),
        "outcome" => word_is(line.fork_outcome().map(|outcome| match outcome.outcome {
            Outcome::Exec => "exec",
            Outcome::Exit => "exit",
        })),
        "program" => word_is(line.fork_outcome().and_then(|outcome| outcome.program.as_deref())),
        "same_fork" => {
            let fork_id = |line: &Line| line.record.as_ref().and_then(|record| record.fork_id.clone());
            let mut forks = lines.iter().filter(|line| line.kind == Kind::UnsafeFork);
            fork_id(line).is_some() && forks.any(|fork| fork_id(fork) == fork_id(line))
        }
        "function" | "fork" | "locks" | "threads" => false,
        _ => panic!("a head demands {key}, which nobody knows"),
    }
}

fn lock_gives(lock: &Lock, (key, value): &Demand) -> bool {
    match key.as_str() {
        // Of Python: a semaphore, and since 3.13.1 a byte.
        "lock" if value == "python" => matches!(lock.kind, LockKind::Semaphore | LockKind::Mutex),
        "lock" => lock.kind.name() == value,
        "owner" => lock.owner.as_deref() == Some(value),
        "acquired" => names(&lock.acquired_stack, value),
        "taken" if value == "nowhere" => lock.acquired_python_stack.is_none(),
        "taken" => lock.acquired_python_stack.as_deref().is_some_and(|stack| {
            let first = stack.first();
            first.is_some_and(|frame| fits(value, &format!("{}:{}", frame.function, frame.line)))
        }),
        "name" => lock.name.as_deref().is_some_and(|name| fits(value, name)),
        "maker" if value == "nowhere" => lock.created_stack.is_none(),
        "maker" => names(lock.created_stack.as_deref().unwrap_or_default(), value),
        "made_anew" => lock.made_anew.to_string() == *value,
        _ => lock.waiters.len().to_string() == *value,
    }
}

fn thread_gives(thread: &Thread, (key, value): &Demand) -> bool {
    match key.as_str() {
        "thread" => thread.name == *value,
        "start" => thread
            .start_routine
            .as_deref()
            .is_some_and(|name| is_function(name, value)),
        "created" => names(thread.created_stack.as_deref().unwrap_or_default(), value),
        "blocked" => names(thread.stack.as_deref().unwrap_or_default(), value),
        _ => python_names(thread.python_stack.as_deref(), value),
    }
}

/// Whether a frame of the stack lies in this function.
pub fn names(stack: &[Frame], function: &str) -> bool {
    stack
        .iter()
        .filter_map(|frame| frame.symbol.as_deref())
        .any(|symbol| is_function(symbol, function))
}

fn python_names(stack: Option<&[PythonFrame]>, function: &str) -> bool {
    stack
        .unwrap_or_default()
        .iter()
        .any(|frame| frame.function == function || frame.function.ends_with(&format!(".{function}")))
}

/// Whether a symbol, demangled, with a path, arguments or a hash around it, names this function.
fn is_function(symbol: &str, function: &str) -> bool {
    let plain = symbol.split('(').next().unwrap_or_default();
    plain.split("::").any(|part| part == function)
}

/// Whether the text fits a pattern in which only `*` is special: names of locks have brackets and asterisks of their own kind.
fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<_> = pattern
        .split('*')
        .filter(|part| !part.is_empty())
        .map(Pattern::escape)
        .collect();
    let (first, last) = (
        if pattern.starts_with('*') { "*" } else { "" },
        if pattern.ends_with('*') && pattern.len() > 1 {
            "*"
        } else {
            ""
        },
    );
    let glob = format!("{first}{}{last}", parts.join("*")).replace("**", "*");
    Pattern::new(&glob)
        .unwrap_or_else(|error| panic!("{glob}: {error}"))
        .matches(text)
}
