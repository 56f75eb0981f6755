//! What findings can be filtered by, and the tables of where they were seen.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use forkwatch_schema::kind::Severity;
use forkwatch_text::shorten::ellipsis;
use forkwatch_text::words::{count, number};
use maud::{Markup, html};

use super::level::badge;
use super::shown::Shown;
use crate::report::finding::Finding;
use crate::report::shown::{Names, Report};

/// The most kinds, hosts and programs, each, to filter by.
const MAX: usize = 200;

/// The rows of a table that are not folded.
const UNFOLDED: usize = 8;

/// The longest name in a list.
const LONGEST: usize = 80;

/// One host or program, and what the findings say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// Its number among the names.
    number: u32,
    name: String,
    findings: u64,
    records: u64,
    worst: Severity,
}

/// Everything to filter by.
#[derive(Debug)]
pub struct Choices {
    levels: Vec<Severity>,
    kinds: BTreeSet<String>,
    hosts: Vec<Row>,
    programs: Vec<Row>,
    numbers: [HashSet<u32>; 2],
    /// Hosts and programs of the findings that are in no row.
    left_out: [u64; 2],
    is_partial: bool,
}

/// What a finding is filtered by, as in its attributes: words separated by spaces.
#[derive(Debug)]
pub struct Keys {
    /// Its fingerprint, and those of its children.
    pub findings: String,
    /// Its kind, and those of its children.
    pub kinds: String,
    /// Numbers.
    pub hosts: String,
    /// Numbers.
    pub programs: String,
}

impl Choices {
    /// The choices for a report.
    pub fn new(report: &Report) -> Self {
        let (hosts, other_hosts) = rows(&report.findings, &report.hosts, |finding| &finding.seen.hosts);
        let (programs, other_programs) = rows(&report.findings, &report.programs, |finding| &finding.seen.programs);
        let kinds: BTreeSet<String> = report.findings.iter().map(|finding| word(&finding.kind)).collect();
        let numbers = |rows: &[Row]| rows.iter().map(|row| row.number).collect();
        Self {
            levels: report.by_severity().into_iter().map(|(level, _)| level).collect(),
            kinds: kinds.into_iter().take(MAX).collect(),
            numbers: [numbers(&hosts), numbers(&programs)],
            hosts,
            programs,
            left_out: [other_hosts, other_programs],
            is_partial: report.is_partial,
        }
    }

    /// What a finding, shown with these children, is filtered by.
    pub fn keys(&self, finding: &Finding, children: &[&Finding]) -> Keys {
        let all = || std::iter::once(finding).chain(children.iter().copied());
        let kinds: BTreeSet<String> = all().map(|finding| word(&finding.kind)).collect();
        let [hosts, programs] = &self.numbers;
        let known = |seen: fn(&Finding) -> &[(u32, u64)], known: &HashSet<u32>| {
            let numbers: BTreeSet<u32> = all()
                .flat_map(seen)
                .map(|(number, _)| *number)
                .filter(|number| known.contains(number))
                .collect();
            numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
        };
        let fingerprints: Vec<String> = all().map(|finding| word(&finding.fingerprint)).collect();
        Keys {
            findings: fingerprints.join(" "),
            kinds: kinds.into_iter().collect::<Vec<_>>().join(" "),
            hosts: known(|finding| &finding.seen.hosts, hosts),
            programs: known(|finding| &finding.seen.programs, programs),
        }
    }

    /// The search and the lists to choose from. Hidden until the script, which they need, shows them.
    pub fn controls(&self) -> Markup {
        html! {
            form #controls role="search" aria-label="Choose findings" hidden {
                label.search { span { "Search" } input #search type="search" autocomplete="off" spellcheck="false"; }
                (list("severity", "Severity", self.levels.iter().map(|level| (level.name().to_owned(), level.name()))))
                (list("kinds", "Kind", self.kinds.iter().map(|kind| (kind.clone(), kind.as_str()))))
                (list("hosts", "Host", self.hosts.iter().map(|row| (row.number.to_string(), row.name.as_str()))))
                (list("programs", "Program", self.programs.iter().map(|row| (row.number.to_string(), row.name.as_str()))))
                div.buttons {
                    button type="reset" { "Clear" }
                    button #unfold type="button" aria-pressed="false" { "Unfold all" }
                }
                p #shown role="status" aria-live="polite" {}
            }
        }
    }

    /// The tables of hosts and programs.
    pub fn tables(&self) -> Markup {
        html! {
            div.tables {
                (table("Hosts", "Host", &self.hosts, self.left_out[0]))
                (table("Programs", "Program", &self.programs, self.left_out[1]))
            }
            @if self.is_partial {
                p.note { "There are too many records to count all times, hosts and programs: the chart and tables \
                          show only a part." }
            }
        }
    }
}

/// A kind as one word: a list separated by spaces must not be broken by the kind in a hostile record.
fn word(kind: &str) -> String {
    kind.chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == '_')
        .take(40)
        .collect()
}

/// The rows with the most records, and how many others there are.
fn rows(findings: &[Finding], names: &Names, seen: impl Fn(&Finding) -> &[(u32, u64)]) -> (Vec<Row>, u64) {
    let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
    for finding in findings {
        for &(number, records) in seen(finding) {
            let Some(name) = names.texts.get(number as usize) else {
                continue;
            };
            let row = rows.entry(number).or_insert_with(|| Row {
                number,
                name: if name.is_empty() {
                    String::from("(unknown)")
                } else {
                    name.clone()
                },
                findings: 0,
                records: 0,
                worst: Severity::Info,
            });
            row.findings += 1;
            row.records += records;
            row.worst = row.worst.max(finding.severity);
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|one, other| (other.records, &one.name).cmp(&(one.records, &other.name)));
    let left_out = rows.len().saturating_sub(MAX) as u64;
    rows.truncate(MAX);
    (rows, left_out)
}

fn list<'text>(name: &str, label: &str, options: impl Iterator<Item = (String, &'text str)>) -> Markup {
    html! {
        label {
            span { (label) }
            select data-key=(name) {
                option value="" { "All" }
                @for (value, text) in options {
                    option value=(value) { (Shown(&ellipsis(text, LONGEST))) }
                }
            }
        }
    }
}

fn table(caption: &str, of: &str, rows: &[Row], left_out: u64) -> Markup {
    let (first, others) = rows.split_at(rows.len().min(UNFOLDED));
    let body = |rows: &[Row]| {
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { (of) } th.number scope="col" { "Findings" }
                        th.number scope="col" { "Records" } th scope="col" { "Worst" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (Shown(&row.name)) }
                            td.number { (number(row.findings)) }
                            td.number { (number(row.records)) }
                            td { (badge(row.worst)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        section.where {
            h2 { (caption) }
            (body(first))
            @if !others.is_empty() {
                details { summary { (count(others.len() as u64, "more", "more")) } (body(others)) }
            }
            @if left_out > 0 { p.note { "and " (number(left_out)) " others with fewer records" } }
        }
    }
}
