//! A run's records against what the program's head demands.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Frame, Lock, PythonFrame, Thread, UnsafeFork};

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
        line.kind == Kind::Summary || head.allowed.iter().any(fits) || (expected.is_empty() && head.at_most.is_some())
    };
    let strange = lines.iter().filter(|line| !is_expected(line) && !is_allowed(line));
    wrongs.extend(strange.map(|line| format!("not expected: {}", line.text)));
    let told: Vec<_> = lines.iter().filter(is_expected).collect();
    if head.maybe && told.is_empty() {
        return wrongs;
    }
    if head.any_count {
        for expectation in &expected {
            let misses: Vec<_> = told.iter().filter_map(|line| expectation.misses(line)).collect();
            if misses.len() == told.len() {
                wrongs.push(format!("of {} records none is {expectation:?}: {misses:?}", told.len()));
            }
        }
        return wrongs;
    }
    for (expectation, line) in expected.iter().zip(&told) {
        wrongs.extend(expectation.misses(line).map(|miss| format!("{miss} in {}", line.text)));
    }
    for expectation in expected.iter().skip(told.len()) {
        wrongs.push(format!("not told: {expectation:?}"));
    }
    wrongs.extend(
        told.iter()
            .skip(expected.len())
            .map(|line| format!("told beyond what is expected: {}", line.text)),
    );
    wrongs
}

impl Expectation {
    /// What of this the record does not give; `None` where it gives all.
    fn misses(&self, line: &Line) -> Option<String> {
        if self.kind != line.kind {
            return Some(format!("kind {}", self.kind.name()));
        }
        if self.severity.is_some_and(|severity| severity != line.severity) {
            return Some(format!("severity {}", self.severity.map_or("", Severity::name)));
        }
        self.groups.iter().flat_map(|group| group_misses(group, line)).next()
    }
}

/// The demands of one line: those on the record one by one, those on a lock or a thread together.
fn group_misses(group: &[Demand], line: &Line) -> Option<String> {
    let of = |keys: &[&str]| -> Vec<&Demand> { group.iter().filter(|(key, _)| keys.contains(&key.as_str())).collect() };
    let of_lock = of(&["lock", "owner", "acquired", "name", "waiters"]);
    let of_thread = of(&["thread", "start", "created", "thread_python"]);
    let of_record: Vec<_> = group
        .iter()
        .filter(|demand| !of_lock.contains(demand) && !of_thread.contains(demand))
        .collect();
    let (fork, leak) = (line.unsafe_fork(), line.leaked_lock());
    let locks: Vec<&Lock> = fork.map_or(Vec::new(), |fork| fork.locks.iter().collect());
    let locks: Vec<&Lock> = locks.into_iter().chain(leak.map(|leak| &leak.lock)).collect();
    let threads: &[Thread] = fork.map_or(&[], |fork| &fork.threads);
    if let Some(miss) = of_record
        .iter()
        .find(|demand| fork.is_none_or(|fork| !fork_gives(fork, demand)))
    {
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

fn fork_gives(fork: &UnsafeFork, (key, value): &Demand) -> bool {
    match key.as_str() {
        "function" => fork.fork.function == *value,
        "fork" => names(&fork.fork.stack, value),
        "python" => python_names(fork.fork.python_stack.as_deref(), value),
        "locks" => fork.locks.len().to_string() == *value,
        "threads" => fork.threads.len().to_string() == *value,
        _ => panic!("a head demands {key}, which nobody knows"),
    }
}

fn lock_gives(lock: &Lock, (key, value): &Demand) -> bool {
    match key.as_str() {
        "lock" => lock.kind.name() == value,
        "owner" => lock.owner.as_deref() == Some(value),
        "acquired" => names(&lock.acquired_stack, value),
        "name" => lock.name.as_deref().is_some_and(|name| fits(value, name)),
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

/// Whether the text fits a pattern with `*` for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    tail.is_empty() || (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(tail, &rest[at..]))
}
