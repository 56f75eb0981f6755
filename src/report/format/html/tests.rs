//! The page for findings made here. `tests/report` tests it in a browser.

use scraper::{Html, Selector};

use super::write;
use crate::report::examples::Examples;
use crate::report::finding::{Finding, Outcome, Seen};
use crate::report::gather::spot::{Origin, Spool, Spot};
use crate::report::shown::{Names, Report};
use forkwatch_text::Style;

/// A finding, and an example of which only scalars are known.
pub fn finding(number: u64, severity: &str) -> (Finding, String) {
    let line = format!("{{\"message\":\"what {number} says\",\"host\":\"node-1\",\"exe\":\"/srv/shop\"}}");
    let finding = Finding {
        fingerprint: format!("{number:016x}"),
        kind: String::from("unsafe_fork"),
        severity: forkwatch_schema::kind::Severity::parse(severity).unwrap(),
        count: number,
        hosts: 1,
        programs: 1,
        first: String::from("2026-11-21T03:12:45.123456789Z"),
        last: String::from("2026-11-21T03:12:45.123456789Z"),
        outcome: Outcome::Unknown,
        followed_by: Vec::new(),
        seen: Seen {
            hosts: vec![(0, 2)],
            programs: vec![(0, 2)],
            hours: vec![(498_483, 2)],
        },
        ..Finding::default()
    };
    (finding, line)
}

fn page(report: &Report) -> (Html, String) {
    let style = Style {
        width: 100,
        colour: false,
        working_directory: None,
        ..Style::default()
    };
    let mut text = Vec::new();
    write(report, &style, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let page = Html::parse_document(&text);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    (page, text)
}

fn texts(page: &Html, selector: &str) -> Vec<String> {
    page.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<String>())
        .collect()
}

fn report(findings: Vec<(Finding, String)>) -> Report {
    let mut spool = Spool::default();
    let mut keep = |(mut finding, line): (Finding, String)| {
        let kept = spool.keep(line.as_bytes());
        finding.spot = Spot::new(line.as_bytes(), Origin::default(), kept);
        finding
    };
    let findings = findings.into_iter().map(&mut keep).collect();
    let names = |name: &str| Names {
        count: 1,
        texts: vec![name.to_owned()],
    };
    Report {
        files: 1,
        records: 3,
        findings,
        examples: Examples::new(Vec::new(), vec![spool]),
        hosts: names("node-1"),
        programs: names("/srv/shop"),
        ..Report::default()
    }
}

#[test]
fn no_finding_is_a_page_too() {
    let (page, _) = page(&Report {
        records: 12,
        ..Report::default()
    });
    assert_eq!(
        texts(&page, "title, h1, .none"),
        ["forkwatch: no findings", "forkwatch: no findings", "No findings."]
    );
    assert!(texts(&page, "article, form, svg").is_empty());
}

#[test]
fn totals_and_filters_stand_at_the_top() {
    let mut report = report(vec![finding(1, "FATAL"), finding(2, "WARN")]);
    report.chosen = vec![("host", String::from("<web-*>"))];
    report.suppressed = 3;
    let (page, _) = page(&report);
    assert_eq!(texts(&page, ".levels li"), ["1 FATAL", "1 WARN"]);
    assert_eq!(texts(&page, ".totals dd")[..5], ["3", "1", "0", "1", "1"]);
    assert_eq!(
        texts(&page, "header.top .note"),
        ["Chosen by --host <web-*>", "3 others are suppressed"]
    );
    assert_eq!(texts(&page, ".where tbody tr"), ["node-124FATAL", "/srv/shop24FATAL"]);
    assert_eq!(
        texts(&page, "select option"),
        [
            "All",
            "FATAL",
            "WARN",
            "All",
            "unsafe_fork",
            "All",
            "node-1",
            "All",
            "/srv/shop"
        ]
    );
}

#[test]
fn every_id_is_there_once_and_every_reference_leads_to_one() {
    let mut odd = finding(3, "INFO");
    odd.0.fingerprint = String::from("\"><b>");
    let (page, _) = page(&report(vec![finding(1, "FATAL"), finding(2, "WARN"), odd]));
    let all = |name: &str| -> Vec<String> {
        let selector = Selector::parse(&format!("[{name}]")).unwrap();
        let values = page
            .select(&selector)
            .flat_map(|element| element.attr(name).unwrap().split(' '));
        values.map(|value| value.trim_start_matches('#').to_owned()).collect()
    };
    let ids = all("id");
    for (position, id) in ids.iter().enumerate() {
        assert!(!ids[..position].contains(id), "{id}");
    }
    for reference in [all("href"), all("aria-labelledby")].concat() {
        assert!(ids.contains(&reference), "{reference}");
    }
}

#[test]
fn the_page_stays_small_and_says_what_it_leaves_out() {
    let findings = (1..=3000).map(|number| finding(number, "WARN")).collect();
    let (page, text) = page(&report(findings));
    assert_eq!(texts(&page, "article").len(), super::MAX_WHOLE);
    assert_eq!(texts(&page, "tr.finding").len(), super::MAX_ROWS);
    assert_eq!(
        texts(&page, ".rows h2, .rows .more"),
        [
            "2,750 more findings",
            "750 findings are not listed: --format text --limit 0 shows them all."
        ]
    );
    assert!(text.len() < 3 << 20, "{}", text.len());
}

#[test]
fn a_childs_finding_stands_with_its_fork() {
    let mut fork = finding(1, "FATAL");
    fork.0.followed_by = vec![String::from("0000000000000002")];
    let mut child = finding(2, "FATAL");
    child.0.kind = String::from("orphaned_lock");
    let (page, _) = page(&report(vec![child, fork]));
    assert_eq!(texts(&page, "article").len(), 1);
    let article = page.select(&Selector::parse("article").unwrap()).next().unwrap();
    assert_eq!(article.attr("data-kinds"), Some("orphaned_lock unsafe_fork"));
    assert_eq!(texts(&page, ".of-child h4"), ["Its child: FATAL what 2 says"]);
}

#[test]
fn what_has_no_bounds_gets_some() {
    let long = "x".repeat(1 << 14);
    let mut findings: Vec<_> = (1..=300).map(|number| finding(number, "WARN")).collect();
    for (number, (finding, _)) in findings.iter_mut().enumerate() {
        (finding.kind, finding.fingerprint) = (format!("{long}{number}"), format!("{number}{long}"));
    }
    // The advice of a record that is known whole is shown as it is.
    let fork = r#"{"time":"","severity":"WARN","schema":"forkwatch/1","kind":"unsafe_fork","fingerprint":"0","message":"m","host":"h","pid":1,"ppid":1,"tid":1,"thread":"t","exe":"/x","argv":["LONG"],"service":"s","context":null,"fork_id":null,"fork":{"function":"fork","child_pid":null,"exec_bound":false,"stack":[],"python_stack":null},"threads":[],"locks":[],"advice":[]}"#;
    findings[0].1 = fork.replace("LONG", &long.repeat(128));
    let (page, text) = page(&report(findings));
    assert_eq!(
        (texts(&page, "article").len(), texts(&page, "tr.finding").len()),
        (250, 50)
    );
    assert!(text.len() < 1 << 20, "{}", text.len());
}
