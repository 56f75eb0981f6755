//! Only the example of each finding, as the library printed it.

use std::io::{self, Write};

use forkwatch_text::{Style, render};

use crate::report::shown::Report;

/// Writes them, with an empty line between two.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (number, finding) in report.whole().iter().enumerate() {
        let finding = report.example(finding);
        if number > 0 {
            writeln!(out)?;
        }
        let text = match &finding.example.record {
            Some(record) => render(record, None, style),
            None => forkwatch_text::sentence(finding.message(), style),
        };
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}
