//! One finding in full: the picture, what to do, and the stacks.

use forkwatch_schema::record::Record;
use forkwatch_text::lock;
use forkwatch_text::shorten::ellipsis;
use forkwatch_text::words::{count, number, time};
use maud::{Markup, html};

use super::choices::Choices;
use super::level::{badge, level};
use super::shown::Shown;
use super::{drawing, picture, stacks};
use crate::report::finding::{Finding, Outcome, Whole};
use crate::report::locks::COUNTED;
use crate::report::place;
use crate::report::shown::{Names, Report};
use forkwatch_text::Style;

/// Children's findings that are shown with their parent.
pub const MAX_CHILDREN: usize = 3;

/// Hosts and programs of a finding that are named.
const MAX_NAMES: usize = 5;

/// Other findings with the same lock that are named.
const MAX_ALIKE: usize = 10;

/// Locks of a finding that are shown.
const MAX_LOCKS: usize = 24;

/// The longest headline; the record has all of it.
pub const LONGEST: usize = 400;

/// The longest spelling of a kind or a fingerprint: in a hostile record they may have any length.
const LONGEST_WORD: usize = 60;

/// Writes it. `alike` are the positions of others in which the same lock was held.
pub fn article(report: &Report, choices: &Choices, position: usize, alike: &[usize], style: &Style) -> Markup {
    let finding = &report.example(&report.findings[position]);
    let named = finding.followed_by.iter().take(MAX_CHILDREN);
    let children: Vec<Whole<'_>> = named
        .filter_map(|fingerprint| report.finding(fingerprint))
        .map(|child| report.example(child))
        .collect();
    let id = id(finding, position);
    let picture = picture::of(finding, &children);
    let keys = choices.keys(finding, &children.iter().map(|child| child.finding).collect::<Vec<_>>());
    html! {
        article.finding.(level(finding.severity)) id=(id) aria-labelledby={ (id) "-headline" }
            data-findings=(keys.findings) data-severity=(finding.severity.name()) data-kinds=(keys.kinds)
            data-hosts=(keys.hosts) data-programs=(keys.programs) {
            header {
                h3 id={ (id) "-headline" } {
                    (badge(finding.severity)) " " (Shown(&ellipsis(finding.message(), LONGEST)))
                }
                p.kind {
                    code { (Shown(&ellipsis(&finding.kind, LONGEST_WORD))) }
                    @if let Some(place) = place::of_finding(finding) {
                        " at " b { (Shown(&ellipsis(&place.in_words(), LONGEST))) }
                    }
                    " " a.fingerprint href={ "#" (id) } { (Shown(&ellipsis(&finding.fingerprint, LONGEST_WORD))) }
                }
            }
            @if let Some(picture) = picture {
                figure { (drawing::draw(&picture, &id)) }
            }
            (facts(report, finding))
            (locks(finding))
            @if !finding.advice.is_empty() {
                section.advice {
                    h4 { "What to do" }
                    @for advice in &finding.advice { p { (Shown(advice)) } }
                }
            }
            (known(finding, style))
            @for child in &children {
                section.of-child {
                    h4 { "Its child: " (badge(child.severity)) " " (Shown(&ellipsis(child.message(), LONGEST))) }
                    p.kind {
                        code { (Shown(&ellipsis(&child.kind, LONGEST_WORD))) } ", " (count(child.count, "time", "times")) " "
                        span.fingerprint { (Shown(&ellipsis(&child.fingerprint, LONGEST_WORD))) }
                    }
                    (known(child, style))
                }
            }
            @if let Some(more @ 1..) = finding.followed_by.len().checked_sub(MAX_CHILDREN) {
                p.more { "and " (count(more as u64, "more finding", "more findings")) " of its children" }
            }
            (self::alike(report, position, alike))
        }
    }
}

/// A line for a finding that is not shown in full.
pub fn row(report: &Report, choices: &Choices, position: usize) -> Markup {
    let finding = &report.example(&report.findings[position]);
    let keys = choices.keys(finding, &[]);
    html! {
        tr.finding id=(id(finding, position)) data-findings=(keys.findings)
            data-severity=(finding.severity.name()) data-kinds=(keys.kinds) data-hosts=(keys.hosts)
            data-programs=(keys.programs) {
            td { (badge(finding.severity)) }
            td { code { (Shown(&ellipsis(&finding.kind, LONGEST_WORD))) } }
            td { (Shown(&ellipsis(finding.message(), LONGEST / 2))) }
            td.number { (number(finding.count)) }
            td.number { (number(finding.hosts)) }
            td { code { (Shown(&ellipsis(&finding.fingerprint, LONGEST_WORD))) } }
        }
    }
}

/// The anchor of a finding in the page. A valid fingerprint makes a link that can be shared.
fn id(finding: &Finding, position: usize) -> String {
    let print = &finding.fingerprint;
    if print.len() == 16 && print.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        format!("finding-{print}")
    } else {
        format!("finding-number-{position}")
    }
}

/// The locks in all of its records.
fn locks(finding: &Whole<'_>) -> Markup {
    let more = finding.finding.locks.len().saturating_sub(MAX_LOCKS) as u64;
    html! {
        @if !finding.locks.is_empty() {
            section.locks {
                h4 { "Locks" }
                table {
                    thead {
                        tr {
                            th scope="col" { "Lock" } th scope="col" { "Holder" } th scope="col" { "Taken" }
                            @for column in COUNTED { th.number scope="col" { (column) } }
                        }
                    }
                    tbody {
                        @for row in finding.locks.iter().take(MAX_LOCKS) {
                            tr {
                                // On a narrow screen, where columns do not fit, each cell has its heading.
                                td data-heading="Lock" { (Shown(&ellipsis(&lock::in_words(&row.lock), LONGEST))) }
                                td data-heading="Holder" {
                                    (Shown(&ellipsis(row.lock.owner.as_deref().unwrap_or_default(), LONGEST)))
                                }
                                td data-heading="Taken" {
                                    @if let Some(place) = row.taken() { (Shown(&ellipsis(&place.in_words(), LONGEST))) }
                                }
                                @for (column, counted) in COUNTED.iter().zip(row.counts()) {
                                    td.number data-heading=(column) { (number(counted)) }
                                }
                            }
                        }
                    }
                }
                @if more > 0 { p.more { "and " (count(more, "more lock", "more locks")) } }
            }
        }
    }
}

fn facts(report: &Report, finding: &Finding) -> Markup {
    let outcome = match finding.outcome {
        Outcome::Deadlock => "a child hangs",
        Outcome::Exec => "every child went on to exec",
        Outcome::Exit => "every child ended",
        Outcome::Unknown => "not known",
    };
    html! {
        dl.facts {
            div { dt { "Times" } dd { (number(finding.count)) } }
            div { dt { "First" } dd { (time(&finding.first)) } }
            @if finding.last != finding.first {
                div { dt { "Last" } dd { (time(&finding.last)) } }
            }
            div { dt { "Outcome" } dd { (outcome) } }
            div {
                dt { (count(finding.hosts, "host", "hosts")) }
                dd { (named(&report.hosts, &finding.seen.hosts)) }
            }
            div {
                dt { (count(finding.programs, "program", "programs")) }
                dd { (named(&report.programs, &finding.seen.programs)) }
            }
        }
    }
}

/// The names with the most records.
fn named(names: &Names, seen: &[(u32, u64)]) -> Markup {
    let mut named: Vec<(u64, &String)> = seen
        .iter()
        .filter_map(|(number, records)| Some((*records, names.texts.get(*number as usize)?)))
        .collect();
    named.sort_by(|one, other| (other.0, one.1).cmp(&(one.0, other.1)));
    named.truncate(MAX_NAMES);
    let more = seen.len().saturating_sub(named.len()) as u64;
    html! {
        @for (position, (_, name)) in named.iter().enumerate() {
            @if position > 0 { ", " }
            (Shown(name))
        }
        @if more > 0 { " and " (count(more, "other", "others")) }
    }
}

/// What the example says: stacks, and who wrote it.
fn known(finding: &Whole<'_>, style: &Style) -> Markup {
    let example = &finding.example;
    html! {
        @if let Some(record) = &example.record {
            (stacks::of_record(record, style))
            (writer(record))
        } @else {
            p.more { "This version of forkwatch cannot show more of this kind of record." }
        }
    }
}

fn writer(record: &Record) -> Markup {
    let facts = [
        ("Time", Some(record.time.clone())),
        ("Host", Some(record.host.clone())),
        ("Process", Some(format!("{}, a child of {}", record.pid, record.ppid))),
        ("Thread", Some(format!("{} (tid {})", record.thread, record.tid))),
        ("Program", Some(record.exe.clone())),
        ("Command line", record.argv.as_ref().map(|argv| argv.join(" "))),
        ("Service", Some(record.service.clone())),
        ("Context", record.context.clone()),
        ("Fork", record.fork_id.clone()),
        (
            "Cut",
            (!record.truncated.is_empty()).then(|| record.truncated.join(", ")),
        ),
    ];
    html! {
        details.writer {
            summary { "The example record" }
            dl.facts {
                @for (name, value) in &facts {
                    @if let Some(value) = value { div { dt { (name) } dd { (Shown(value)) } } }
                }
            }
        }
    }
}

/// Other forks while the same lock was held.
fn alike(report: &Report, position: usize, alike: &[usize]) -> Markup {
    let others: Vec<usize> = alike.iter().copied().filter(|&other| other != position).collect();
    html! {
        @if !others.is_empty() {
            section.alike {
                h4 { "The same lock, taken at the same place, was held at other forks" }
                ul {
                    @for &other in others.iter().take(MAX_ALIKE) {
                        @let finding = &report.example(&report.findings[other]);
                        li {
                            (badge(finding.severity)) " "
                            a href={ "#" (id(finding, other)) } { (Shown(&ellipsis(finding.message(), LONGEST / 2))) }
                            @if let Some(place) = place::of_finding(finding) { " at " (Shown(&place.in_words())) }
                        }
                    }
                }
                @if let Some(more @ 1..) = others.len().checked_sub(MAX_ALIKE) {
                    p.more { "and " (count(more as u64, "more fork", "more forks")) }
                }
            }
        }
    }
}
