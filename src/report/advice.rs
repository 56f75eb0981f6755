//! The advice that a report shows with a finding. `forkwatch_text` writes it; this only adds a pointer where it has none.

use forkwatch_schema::kind::Kind;

use super::example::Example;

/// The advice for the record, or a pointer to the explanation if the record could not be fully parsed.
pub fn of(example: &Example, kind: Option<Kind>) -> Vec<String> {
    let known = example.record.as_ref().map(forkwatch_text::advice).unwrap_or_default();
    if !known.is_empty() {
        return known;
    }
    let is_explained = |kind: &Kind| kind.row().is_written && !matches!(kind, Kind::ForkOutcome | Kind::Summary);
    let finding = kind.filter(is_explained);
    finding.map(explained).into_iter().collect()
}

fn explained(kind: Kind) -> String {
    format!(
        "Run `forkwatch explain {}` to see what it means and what to change.",
        kind.name()
    )
}
