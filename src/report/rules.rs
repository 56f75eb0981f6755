//! Ready suppression rules, one for each finding: on the most specific name, so that a rule suppresses as little as possible.

use std::io::{self, Write};

use forkwatch_schema::path::base_name;
use forkwatch_schema::suppression_rule::parse_line;
use forkwatch_text::harmless::harmless;

use super::finding::Whole;
use super::place;
use super::shown::Report;

/// Writes them; a finding without any name gets a comment.
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
        match rule(finding) {
            Some(rule) => writeln!(out, "{rule}\n")?,
            None => writeln!(out, "# (it has no name that a rule could match)\n")?,
        }
    }
    Ok(())
}

/// The rule, if the library accepts it.
fn rule(finding: &Whole<'_>) -> Option<String> {
    let place = place::of_finding(finding);
    let place = place.as_ref();
    let name = place
        .and_then(|place| place.function)
        .or_else(|| place.and_then(|place| place.module).map(base_name))
        .or_else(|| finding.example.record.as_ref().map(|record| record.thread.as_str()))?;
    let rule = format!("{}:{}", finding.kind, literal(name));
    matches!(parse_line(&rule), Ok(Some(_))).then_some(rule)
}

/// A glob that matches only this name, on one line.
fn literal(name: &str) -> String {
    let mut glob = String::new();
    for character in name.chars() {
        match character {
            '*' | '?' | '[' => glob.push_str(&format!("[{character}]")),
            _ if harmless(character.encode_utf8(&mut [0; 4])).len() > character.len_utf8() => glob.push('?'),
            _ => glob.push(character),
        }
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::literal;
    use forkwatch_schema::suppression_rule::parse_line;

    #[test]
    fn a_rule_fits_the_very_name() {
        for name in ["send", "operator[](char*)", "a?b", "new\nline"] {
            let rule = parse_line(&format!("unsafe_fork:{}", literal(name))).unwrap().unwrap();
            assert!(rule.matches(name) && !rule.matches("another"), "{name}");
        }
    }
}
