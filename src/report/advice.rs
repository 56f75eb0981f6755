//! What to change, for a finding whose record does not say it itself.

use forkwatch_schema::kind::Kind;

use super::finding::Example;

/// The advice that fits the record; where it could not be understood whole, where to read on.
pub fn of(example: &Example, kind: Option<Kind>) -> Vec<String> {
    let known = example.record.as_ref().map(forkwatch_text::advice).unwrap_or_default();
    if !known.is_empty() {
        return known;
    }
    let finding = kind.filter(|kind| !matches!(kind, Kind::ForkOutcome | Kind::Summary));
    finding.map(explained).into_iter().collect()
}

fn explained(kind: Kind) -> String {
    format!(
        "`forkwatch explain {}` says what it means and what to change.",
        kind.name()
    )
}
