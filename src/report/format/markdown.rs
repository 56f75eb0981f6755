//! A comment on a merge request: a table, and each finding folded behind its headline.

use std::io::{self, Write};

use forkwatch_text::Style;
use forkwatch_text::harmless::harmless;
use forkwatch_text::shorten::ellipsis;
use forkwatch_text::words::{count, number};

use super::text;
use crate::report::finding::Whole;
use crate::report::shown::Report;

/// GitHub refuses a comment of 65,536 characters; this many bytes are always fewer characters.
const MAX_BYTES: usize = 64_000;

/// The part of it that the table may use.
const TABLE_BYTES: usize = 24_000;

/// Reserved for the last line.
const LAST_LINE: usize = 200;

/// The longest headline.
const LONGEST: usize = 200;

/// Writes it.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = head(report);
    let mut shown = 0;
    if !report.findings.is_empty() {
        page.push_str("\n| level | kind | what | times | hosts | outcome |\n|---|---|---|--:|--:|---|\n");
        for finding in &report.findings {
            let row = row(&report.example(finding));
            if page.len() + row.len() > TABLE_BYTES {
                break;
            }
            page.push_str(&row);
            shown += 1;
        }
        if let Some(more @ 1..) = report.findings.len().checked_sub(shown) {
            page.push_str(&format!(
                "\n{} not listed.\n",
                count(more as u64, "finding is", "findings are")
            ));
        }
    }
    let mut folded = 0;
    for finding in report.whole() {
        let details = details(report, &report.example(finding), style);
        if page.len() + details.len() + LAST_LINE > MAX_BYTES {
            break;
        }
        page.push_str(&details);
        folded += 1;
    }
    if let Some(more @ 1..) = report.findings.len().checked_sub(folded) {
        let more = count(more as u64, "finding", "findings");
        page.push_str(&format!(
            "\n{more} more without details, because a comment has a maximum size. `--format text --limit 0` shows them \
             all.\n"
        ));
    }
    out.write_all(page.as_bytes())
}

fn head(report: &Report) -> String {
    let levels: Vec<String> = report
        .by_severity()
        .iter()
        .map(|(level, count)| format!("{} {}", number(*count), level.name()))
        .collect();
    let mut page = match report.findings.len() as u64 {
        0 => String::from("### forkwatch: no findings\n\n"),
        all => format!(
            "### forkwatch: {} ({})\n\n",
            count(all, "finding", "findings"),
            levels.join(", ")
        ),
    };
    page.push_str(&format!(
        "{} in {}",
        count(report.records, "record", "records"),
        count(report.files, "file", "files")
    ));
    if report.broken > 0 {
        let lines = count(report.broken, "invalid line", "invalid lines");
        page.push_str(&format!("; {lines}"));
    }
    page.push_str(".\n");
    page
}

fn row(finding: &Whole<'_>) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        finding.severity.name(),
        code(&finding.kind),
        code(finding.message()),
        number(finding.count),
        number(finding.hosts),
        finding.outcome.name()
    )
}

fn details(report: &Report, finding: &Whole<'_>, style: &Style) -> String {
    // A blank line does not end <pre>, and its content must not end it either.
    let whole = escape(&text::plain(report, finding, style), |character| {
        matches!(character, '&' | '<' | '>')
    });
    format!(
        "\n<details><summary>{} {}</summary>\n\n<pre>\n{whole}</pre>\n</details>\n",
        finding.severity.name(),
        code(finding.message())
    )
}

/// Text of a record, so that nothing in it is markup, a table's border, or the name of a user who would be notified.
fn code(text: &str) -> String {
    let text = ellipsis(&harmless(text), LONGEST);
    let is_plain = |character: char| {
        !character.is_ascii_punctuation() || matches!(character, '(' | ')' | '.' | ',' | '"' | '/' | '=' | '-' | ';')
    };
    format!("<code>{}</code>", escape(&text, |character| !is_plain(character)))
}

fn escape(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_special(character) {
            escaped.push_str(&format!("&#{};", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn nothing_in_a_record_is_markup() {
        assert_eq!(
            code("a|b</code>@you [x](y) `z`\n# &amp;"),
            "<code>a&#124;b&#60;/code&#62;&#64;you &#91;x&#93;(y) &#96;z&#96;&#92;n&#35; &#38;amp;</code>"
        );
    }
}
