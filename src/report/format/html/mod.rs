//! One self-contained page: no network, no other file. Everything in it can be read without the script, which only filters
//! the findings and unfolds them.
//!
//! | question | file |
//! |---|---|
//! | what is in the page, and how much of it? | `mod` |
//! | what may a page do? | `policy`, with `style.css` and `script.js` |
//! | how does a record's text come in? | `shown` |
//! | when and where was it, and what can be filtered? | `chart`, `choices` |
//! | how does a finding look? | `finding`, with `stacks` |
//! | what happened, at a glance? | `picture` says what, `drawing` draws it |

mod chart;
mod choices;
mod drawing;
mod finding;
mod level;
mod picture;
mod policy;
mod shown;
mod stacks;

use std::collections::HashSet;
use std::io::{self, Write};

use forkwatch_text::Style;
use forkwatch_text::words::{count, number, time};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::choices::Choices;
use self::shown::Shown;
use crate::report::finding::Finding;
use crate::report::shown::Report;
use crate::report::similar;

/// Findings that are shown in full unless the user says how many: nobody reads more, and a browser must still open the page.
pub const MAX_WHOLE: usize = 250;

/// The bytes after which no other finding is shown in full, unless the user says how many are.
const MAX_BYTES: usize = 6 << 20;

/// The most bytes of one finding: a record from another writer may have any length.
const MAX_OF_ONE: usize = 1 << 20;

/// Findings that have at least a line.
const MAX_ROWS: usize = 2000;

/// Writes it.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let choices = Choices::new(report);
    let (whole, rows) = parts(report, &choices, style);
    let title = title(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(policy::STYLE)) }
            }
            body {
                a.skip href="#findings" { "Skip to the findings" }
                header.top {
                    h1 { (title) }
                    (totals(report, report.findings.len() - whole.len() - rows.len()))
                }
                main {
                    (chart::draw(&report.findings))
                    @if !report.findings.is_empty() { (choices.tables()) }
                    section #findings tabindex="-1" aria-label="Findings" {
                        @if report.findings.is_empty() {
                            p.none { "No findings." }
                        } @else {
                            (choices.controls())
                        }
                        @for article in &whole { (article) }
                        (self::rows(report, &choices, &rows))
                    }
                }
                script { (PreEscaped(policy::SCRIPT)) }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())?;
    out.write_all(b"\n")
}

/// The findings shown in full, and the positions of the others, except those shown with the fork that made their child.
fn parts(report: &Report, choices: &Choices, style: &Style) -> (Vec<Markup>, Vec<usize>) {
    let groups = similar::together(report);
    let mut alike: Vec<&[usize]> = vec![&[]; report.findings.len()];
    for group in groups.iter().filter(|group| group.len() > 1) {
        for &position in group {
            alike[position] = group;
        }
    }
    let (most_whole, most_bytes) = report.limit.map_or((MAX_WHOLE, MAX_BYTES), |limit| (limit, usize::MAX));
    let childless: HashSet<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.followed_by.is_empty())
        .map(|finding| finding.fingerprint.as_str())
        .collect();
    let of_children = |forks: &mut dyn Iterator<Item = &'_ Finding>| -> HashSet<String> {
        let named = forks.flat_map(|fork| fork.followed_by.iter().take(finding::MAX_CHILDREN));
        named
            .filter(|child| childless.contains(child.as_str()))
            .cloned()
            .collect()
    };
    let children = of_children(&mut report.findings.iter());
    let (mut whole, mut bytes, mut shown) = (Vec::new(), 0, Vec::new());
    for (position, finding) in report.findings.iter().enumerate() {
        if children.contains(&finding.fingerprint) {
            continue;
        }
        if whole.len() == most_whole || bytes > most_bytes {
            break;
        }
        let article = finding::article(report, choices, position, alike[position], style);
        if article.0.len() > MAX_OF_ONE {
            continue;
        }
        bytes += article.0.len();
        whole.push(article);
        shown.push(position);
    }
    let with_parents = of_children(&mut shown.iter().map(|&position| &report.findings[position]));
    let shown: HashSet<usize> = shown.into_iter().collect();
    let rows = (0..report.findings.len())
        .filter(|position| !shown.contains(position))
        .filter(|&position| !with_parents.contains(&report.findings[position].fingerprint))
        .collect();
    (whole, rows)
}

/// The findings that get one line each, and the number of those that are not listed.
fn rows(report: &Report, choices: &Choices, rows: &[usize]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    html! {
        section.rows {
            h2 { (count(rows.len() as u64, "more finding", "more findings")) }
            p.note {
                "Shown without picture and stacks to keep the page small. "
                code { "forkwatch report --format html --limit N" } " shows N findings in full; "
                code { "--since" } ", " code { "--host" } ", " code { "--program" } " and " code { "--kind" }
                " select fewer findings."
            }
            table {
                thead {
                    tr {
                        th scope="col" { "Level" } th scope="col" { "Kind" } th scope="col" { "What" }
                        th.number scope="col" { "Times" } th.number scope="col" { "Hosts" }
                        th scope="col" { "Fingerprint" }
                    }
                }
                tbody {
                    @for &position in rows.iter().take(MAX_ROWS) {
                        (finding::row(report, choices, position))
                    }
                }
            }
            @if let Some(more @ 1..) = rows.len().checked_sub(MAX_ROWS) {
                p.more {
                    (count(more as u64, "finding is", "findings are")) " not listed: "
                    code { "--format text --limit 0" } " shows them all."
                }
            }
        }
    }
}

fn title(report: &Report) -> String {
    match report.findings.len() as u64 {
        0 => String::from("forkwatch: no findings"),
        all => format!("forkwatch: {}", count(all, "finding", "findings")),
    }
}

/// How much was read, and what was left out.
fn totals(report: &Report, with_forks: usize) -> Markup {
    let first = report.findings.iter().map(|finding| finding.first.as_str()).min();
    let last = report.findings.iter().map(|finding| finding.last.as_str()).max();
    let others = [
        (
            with_forks as u64,
            "finding of a child is shown with its fork",
            "findings of children are shown with their forks",
        ),
        (
            report.other_kinds,
            "other is left out by --kind",
            "others are left out by --kind",
        ),
        (report.suppressed, "other is suppressed", "others are suppressed"),
        (
            report.known,
            "other is known from the baseline",
            "others are known from the baseline",
        ),
        (
            report.lost_repeats,
            "repeat cannot be assigned to a single finding",
            "repeats cannot be assigned to a single finding",
        ),
    ];
    html! {
        ul.levels aria-label="Findings by level" {
            @for (level, findings) in report.by_severity() {
                li.(level::level(level)) { b { (number(findings)) } " " (level.name()) }
            }
        }
        dl.totals {
            div { dt { "Records" } dd { (number(report.records)) } }
            div { dt { "Files" } dd { (number(report.files)) } }
            div { dt { "Invalid lines" } dd { (number(report.broken)) } }
            div { dt { "Hosts" } dd { (number(report.hosts.count)) } }
            div { dt { "Programs" } dd { (number(report.programs.count)) } }
            @if let (Some(first), Some(last)) = (first, last) {
                div { dt { "From" } dd { (time(first)) } }
                div { dt { "To" } dd { (time(last)) } }
            }
        }
        @if !report.chosen.is_empty() {
            p.note {
                "Chosen by"
                @for (flag, value) in &report.chosen { " " code { "--" (flag) " " (Shown(value)) } }
            }
        }
        @for (others, one, many) in others {
            @if others > 0 { p.note { (count(others, one, many)) } }
        }
        (broken(report))
    }
}

fn broken(report: &Report) -> Markup {
    let listed = report.broken_lines.len() as u64;
    html! {
        @if report.broken > 0 {
            details {
                summary { (count(report.broken, "invalid line", "invalid lines")) }
                ul {
                    @for broken in &report.broken_lines {
                        li { code { (Shown(&broken.path.to_string_lossy())) ":" (broken.line) } " " (Shown(&broken.why)) }
                    }
                    @if report.broken > listed { li { "and " (number(report.broken - listed)) " more" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
