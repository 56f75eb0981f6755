//! Ready suppression rules, one for each finding: by its fingerprint, so that a rule suppresses nothing else.

use std::io::{self, Write};

use forkwatch_text::harmless::harmless;

use super::place;
use super::shown::Report;

/// Writes them, each below what it is about.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        let finding = &report.examples.whole(finding);
        writeln!(
            out,
            "# {} {} {}: {}",
            harmless(&finding.fingerprint),
            finding.severity.name(),
            harmless(&finding.kind),
            harmless(finding.message())
        )?;
        if let Some(place) = place::of_finding(finding) {
            writeln!(out, "# at {}", harmless(&place.in_words()))?;
        }
        for row in &finding.locks {
            writeln!(out, "# {}", harmless(&row.in_words()))?;
        }
        if is_fingerprint(&finding.fingerprint) {
            writeln!(out, "fingerprint:{}\n", finding.fingerprint)?;
        } else {
            writeln!(out, "# (it has no valid fingerprint)\n")?;
        }
    }
    Ok(())
}

/// In a hostile record it may be any text, such as a rule for everything.
fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::is_fingerprint;

    #[test]
    fn only_hex_digits_become_a_rule() {
        assert!(is_fingerprint("0123456789abcdef"));
        for other in ["0123456789abcde", "***************a", "a\n*:**********", ""] {
            assert!(!is_fingerprint(other), "{other}");
        }
    }
}
