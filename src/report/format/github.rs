//! Annotations of a GitHub workflow: one line per finding, shown next to the code if its place is known.

use std::io::{self, Write};

use forkwatch_schema::kind::Severity;
use forkwatch_text::harmless::harmless;

use crate::report::place;
use crate::report::shown::{Report, near};
use forkwatch_text::Style;

/// Writes them.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.whole() {
        let finding = &report.example(finding);
        let level = match finding.severity {
            Severity::Fatal | Severity::Error => "error",
            Severity::Warn => "warning",
            Severity::Info => "notice",
        };
        write!(out, "::{level} ")?;
        let place = place::of_finding(finding);
        if let Some(file) = place.as_ref().and_then(|place| place.file) {
            write!(out, "file={},", property(near(file, style)))?;
            if let Some(line) = place.as_ref().and_then(|place| place.line) {
                write!(out, "line={line},")?;
            }
        }
        let title = format!("{} {}", finding.severity.name(), finding.kind);
        let mut text = harmless(finding.message()).into_owned();
        for advice in &finding.advice {
            text.push('\n');
            text.push_str(&harmless(advice));
        }
        for row in &finding.locks {
            let [held, predicted, hung] = row.counts();
            let words = row.in_words();
            let line = format!(
                "\nLock: {} (held {held}, predicted {predicted}, hung {hung})",
                harmless(&words)
            );
            text.push_str(&line);
        }
        text.push_str(&format!("\nfingerprint {}", harmless(&finding.fingerprint)));
        writeln!(out, "title={}::{}", property(&title), data(&text))?;
    }
    Ok(())
}

/// The text after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The text before it, in which commas and colons separate the properties.
fn property(text: &str) -> String {
    data(&harmless(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn nothing_ends_a_line_or_a_property_early() {
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a,b:c\n"), "a%2Cb%3Ac\\n");
    }
}
