//! The headline of a function that calls several functions which are not async-signal-safe.

use forkwatch_schema::kind::Kind;

use super::example::Example;
use super::finding::Finding;
use super::place;

/// Calls that are named.
const NAMED: usize = 8;

/// `forked child of a threaded process: log_line calls localtime_r, snprintf and malloc, which are not
/// async-signal-safe`; `None` where there is one call, or Python code.
pub fn in_words(finding: &Finding, example: &Example) -> Option<String> {
    let (last, others) = finding.calls.split_last()?;
    if Kind::parse(&finding.kind) != Some(Kind::UnsafeCall) || others.is_empty() {
        return None;
    }
    let (stack, python) = place::stack(example.detail()?)?;
    if python.is_some() {
        return None;
    }
    let caller = place::of_stack(stack, None)?;
    let caller = caller.function.map_or_else(|| caller.in_words(), str::to_owned);
    let named = match others.get(..NAMED) {
        Some(named) => format!("{} and {} more", named.join(", "), finding.calls.len() - NAMED),
        None => format!("{} and {last}", others.join(", ")),
    };
    Some(format!(
        "forked child of a threaded process: {caller} calls {named}, which are not async-signal-safe"
    ))
}
