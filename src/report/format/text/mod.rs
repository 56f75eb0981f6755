//! The readable report: worst first, each finding with what its children did and where to begin.

use std::collections::HashSet;
use std::io::{self, Write};

use forkwatch_text::Style;
use forkwatch_text::page::{GLUE, Look, Page};
use forkwatch_text::words::{count, number, time};

use crate::report::finding::{Finding, Outcome, Whole};
use crate::report::locks::{self, COUNTED};
use crate::report::shown::{ALL, Report};
use crate::report::{place, similar};

/// Children's findings that are shown with their parent.
const MAX_CHILDREN: usize = 3;

/// Similar findings that are named.
const MAX_SIMILAR: usize = 10;

/// Writes it.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style);
    head(&mut page, report);
    out.write_all(page.take().as_bytes())?;
    let groups = similar::together(report);
    let limit = report.limit.unwrap_or(ALL).min(groups.len());
    let (groups, others) = groups.split_at(limit);
    // A child's half is shown where its parent's is shown in full.
    let with_parents: HashSet<&str> = groups
        .iter()
        .filter_map(|group| group.first())
        .flat_map(|&first| report.findings[first].followed_by.iter().take(MAX_CHILDREN))
        .map(String::as_str)
        .collect();
    for group in groups {
        let Some((&first, others)) = group.split_first() else {
            continue;
        };
        let finding = &report.findings[first];
        if with_parents.contains(finding.fingerprint.as_str()) && finding.followed_by.is_empty() {
            continue;
        }
        page.gap();
        one(&mut page, report, &report.example(finding));
        alike(&mut page, report, others);
        // A long report must not be kept in memory.
        out.write_all(page.take().as_bytes())?;
    }
    let is_shown = |&&position: &&usize| with_parents.contains(report.findings[position].fingerprint.as_str());
    let more = others.iter().flatten().filter(|position| !is_shown(position)).count();
    if more > 0 {
        page.gap();
        let (more, is) = (
            count(more as u64, "more finding", "more findings"),
            if more == 1 { "is" } else { "are" },
        );
        page.sentences(
            0,
            &format!("{more}, the least severe, {is} not shown. {}", how_to_see_more()),
        );
    }
    out.write_all(page.finish().as_bytes())
}

/// How to see the findings that a report leaves out.
fn how_to_see_more() -> &'static str {
    "Use `--limit 0` to show all, or `--since`, `--host`, `--program` and `--kind` to select."
}

/// One finding alone.
pub fn one_finding(report: &Report, finding: &Whole<'_>, style: &Style) -> String {
    let mut page = Page::new(style);
    one(&mut page, report, finding);
    page.finish()
}

/// One finding, without colour, for formats that carry text.
pub fn plain(report: &Report, finding: &Whole<'_>, style: &Style) -> String {
    let style = Style {
        colour: false,
        width: 100,
        ..style.clone()
    };
    one_finding(report, finding, &style)
}

/// How much was read, what could not be, and how many findings there are.
fn head(page: &mut Page<'_>, report: &Report) {
    let mut read = format!(
        "{} in {}",
        count(report.records, "record", "records"),
        count(report.files, "file", "files")
    );
    if let Some(left_out) = report.left_out_records() {
        read.push_str(&format!("; {left_out}"));
    }
    if report.broken > 0 {
        read.push_str(&format!("; {}", count(report.broken, "invalid line", "invalid lines")));
    }
    page.sentences(0, &read);
    for broken in &report.broken_lines {
        let text = format!("{}:{}: {}", broken.path.display(), broken.line, broken.why);
        page.line(2, &[(Look::Dim, &text)]);
    }
    let listed = report.broken_lines.len() as u64;
    if report.broken > listed {
        page.line(2, &[(Look::Dim, &format!("... and {} more", report.broken - listed))]);
    }
    let levels: Vec<String> = report
        .by_severity()
        .iter()
        .map(|(level, count)| format!("{} {}", number(*count), level.name()))
        .collect();
    let mut found = match report.findings.len() as u64 {
        0 => String::from("No findings"),
        all => format!("{}: {}", count(all, "finding", "findings"), levels.join(", ")),
    };
    for left_out in report.left_out_findings() {
        found.push_str(&format!("; {left_out}"));
    }
    page.line(0, &[(Look::Heading, &found)]);
    if report.lost_repeats > 0 {
        page.sentences(0, &report.lost_repeats_in_words());
    }
}

/// One finding in full.
fn one(page: &mut Page<'_>, report: &Report, finding: &Whole<'_>) {
    let kind = format!(" {}: ", finding.kind);
    let start = [
        (Look::Level(finding.severity), finding.severity.name()),
        (Look::Heading, &kind),
    ];
    page.started(0, &start, Look::Plain, finding.message());
    page.started(2, &[], Look::Dim, &about(finding));
    if let Some(context) = &finding.example.scalars.context {
        page.started(2, &[(Look::Heading, "Context: ")], Look::Plain, context);
    }
    example(page, 2, finding);
    table_of_locks(page, finding);
    let children = finding
        .followed_by
        .iter()
        .filter_map(|follower| report.finding(follower));
    for child in children.take(MAX_CHILDREN) {
        let child = &report.example(child);
        let start = [
            (Look::Heading, "Its child: "),
            (Look::Level(child.severity), child.severity.name()),
            (Look::Heading, &format!(" {}: ", child.kind)),
        ];
        page.gap();
        page.started(2, &start, Look::Plain, child.message());
        page.started(4, &[], Look::Dim, &about(child));
        example(page, 4, child);
    }
    if let Some(more @ 1..) = finding.followed_by.len().checked_sub(MAX_CHILDREN) {
        page.line(
            2,
            &[(
                Look::Dim,
                &format!(
                    "... and {} of its children",
                    count(more as u64, "more finding", "more findings")
                ),
            )],
        );
    }
    if !finding.advice.is_empty() {
        page.gap();
        page.line(2, &[(Look::Heading, "What to do:")]);
    }
    for advice in &finding.advice {
        page.sentences(4, advice);
    }
}

/// One record of it, as in the live report.
fn example(page: &mut Page<'_>, margin: usize, finding: &Whole<'_>) {
    let Some(record) = &finding.example.record else {
        page.line(
            margin,
            &[(
                Look::Dim,
                "(this version of forkwatch does not know the record's other fields)",
            )],
        );
        return;
    };
    page.gap();
    page.margin = margin;
    forkwatch_text::write_facts(page, record);
    page.margin = 0;
}

/// The locks in all of its records.
fn table_of_locks(page: &mut Page<'_>, finding: &Whole<'_>) {
    if finding.locks.is_empty() {
        return;
    }
    let [held, predicted, hung] = COUNTED;
    page.gap();
    page.line(
        2,
        &[(Look::Heading, &format!("{held:>9} {predicted:>9} {hung:>9}  lock"))],
    );
    for row in &finding.locks {
        let [held, predicted, hung] = row.counts().map(number);
        let counts = format!("{held:>9} {predicted:>9} {hung:>9}  ");
        page.line(2, &[(Look::Plain, &counts), (Look::Plain, &row.in_words())]);
    }
    if let Some(more @ 1..) = finding.finding.locks.len().checked_sub(locks::MAX) {
        let more = count(more as u64, "more lock", "more locks");
        page.line(2, &[(Look::Dim, &format!("... and {more}"))]);
    }
}

/// How often, where and when.
fn about(finding: &Finding) -> String {
    let when = if finding.first == finding.last {
        format!("at {}", time(&finding.first))
    } else {
        format!("from {} to {}", time(&finding.first), time(&finding.last))
    };
    let outcome = match finding.outcome {
        Outcome::Deadlock => ", a child hangs",
        Outcome::Exec => ", every child went on to exec",
        Outcome::Exit => ", every child ended",
        Outcome::Unknown => "",
    };
    format!(
        "{} on {} in {}, {when}{outcome}; fingerprint{GLUE}{}",
        count(finding.count, "time", "times"),
        count(finding.hosts, "host", "hosts"),
        count(finding.programs, "program", "programs"),
        finding.fingerprint
    )
}

/// Other forks while the same lock was held.
fn alike(page: &mut Page<'_>, report: &Report, others: &[usize]) {
    if others.is_empty() {
        return;
    }
    page.gap();
    page.line(
        2,
        &[(
            Look::Heading,
            "The same lock, taken at the same place, was held at other forks:",
        )],
    );
    for &other in others.iter().take(MAX_SIMILAR) {
        let finding = &report.example(&report.findings[other]);
        let place = place::of_finding(finding).map_or_else(|| finding.message().to_owned(), |place| place.in_words());
        let level = finding.severity;
        let text = format!(" {place}: {}", about(finding));
        page.started(4, &[(Look::Level(level), level.name())], Look::Plain, &text);
    }
    if let Some(more @ 1..) = others.len().checked_sub(MAX_SIMILAR) {
        page.line(
            4,
            &[(
                Look::Dim,
                &format!("... and {}", count(more as u64, "more fork", "more forks")),
            )],
        );
    }
}
