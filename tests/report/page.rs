//! `--format html`: the page as a parser reads it.

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, LeakedLock, Outcome, PythonFrame, Record, Waiting};
use scraper::{Html, Selector};

use super::formats::hostile;
use super::records::{line, lines, lock, orphaned_lock, outcome, record, unsafe_fork};
use super::{log, report};
use crate::command::stdout;

/// The page of these records; a fault in it is a failure.
pub fn page(records: &[Record]) -> (Html, String) {
    let (_folder, path) = log(lines(records));
    let text = stdout(&report(&["--format", "html"], &path));
    let page = Html::parse_document(&text);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    (page, text)
}

/// The texts of the elements that fit, the spaces between them as one.
fn texts(page: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    page.select(&selector)
        .map(|element| {
            element
                .text()
                .collect::<String>()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

/// A fork under a lock whose child hangs, from Python code.
pub fn fork_and_child() -> Vec<Record> {
    let mut fork = unsafe_fork(1, 10, "a", vec![lock()]);
    let Detail::UnsafeFork(detail) = &mut fork.detail else {
        unreachable!()
    };
    detail.fork.python_stack = Some(vec![PythonFrame {
        file: "/srv/app.py".into(),
        line: 7,
        function: "start".into(),
    }]);
    detail.threads[0].waiting = Some(Waiting {
        call: "read".into(),
        address: None,
    });
    let later = Record {
        time: "2026-11-21T05:00:00.000000000Z".into(),
        host: "node-2".into(),
        ..unsafe_fork(3, 30, "b", vec![])
    };
    let gone_on = Record {
        host: "node-2".into(),
        ..outcome("b", Outcome::Exec)
    };
    vec![fork, orphaned_lock(2, "a"), later, gone_on]
}

#[test]
fn the_picture_has_lanes_the_fork_the_lock_and_where_the_child_hangs() {
    let (page, _) = page(&fork_and_child());
    let first = "article:nth-of-type(1)";
    assert_eq!(
        texts(&page, &format!("{first} svg desc")),
        [
            "Thread \"keeper\" holds mutex \"cache\", taken at fill (cache.c:5) across fork(). \
          The child: hangs in pthread_mutex_lock at look_up (cache.c:9)."
        ]
    );
    assert_eq!(texts(&page, &format!("{first} svg .line")), ["fork()"]);
    assert_eq!(
        texts(&page, &format!("{first} svg .name")),
        ["main", "keeper", "child pid 50"]
    );
    let count = |selector: &str| texts(&page, &format!("{first} svg {selector}")).len();
    assert_eq!(
        (count("rect.held"), count("rect.ghost"), count("path.hangs")),
        (1, 1, 1)
    );
    assert_eq!(
        texts(&page, "article:nth-of-type(2) svg .goes-on"),
        ["", "goes on to exec"]
    );
}

#[test]
fn stacks_fold_with_python_first_and_the_child_stands_with_its_fork() {
    let (page, _) = page(&fork_and_child());
    let summaries = texts(&page, "article:nth-of-type(1) > details > summary");
    assert_eq!(
        summaries,
        [
            "fork() called at start (app.py:7)",
            "mutex \"cache\", held by thread \"keeper\": taken at fill (cache.c:5)",
            "The example record"
        ]
    );
    assert_eq!(
        texts(&page, "article:nth-of-type(1) > details:nth-of-type(1) > ol li"),
        ["start /srv/app.py:7"]
    );
    assert_eq!(texts(&page, ".below summary"), ["Native: 1 frame"]);
    assert_eq!(texts(&page, ".of-child h4"), ["Its child: FATAL what 2 says"]);
    assert_eq!(texts(&page, "article h3"), ["FATAL what 1 says", "INFO what 3 says"]);
    assert_eq!(texts(&page, ".where tbody th"), ["node-1", "node-2", "/srv/shop"]);
    assert_eq!(texts(&page, "svg.chart title").len(), 2);
}

#[test]
fn every_kind_is_shown() {
    let leak = record(
        Kind::LeakedLock,
        Severity::Warn,
        5,
        Detail::LeakedLock(LeakedLock { lock: lock() }),
    );
    let (page, _) = page(&[leak, orphaned_lock(6, "c")]);
    assert_eq!(texts(&page, "svg .line"), ["fork()", "the thread ends"]);
    assert_eq!(texts(&page, "svg .child").len(), 1);
    let newer = line(&unsafe_fork(1, 1, "a", vec![]))
        .replace("unsafe_fork", "of_tomorrow")
        .replace("\"threads\"", "\"t\"");
    let (_folder, path) = log(newer);
    let text = stdout(&report(&["--format", "html"], &path));
    assert!(text.contains("cannot show more of this kind"), "{text}");
}

#[test]
fn hostile_text_is_no_markup() {
    let mut child = orphaned_lock(2, "a");
    child.host = hostile(1).host;
    child.message = hostile(1).message;
    let mut kind = line(&unsafe_fork(3, 1, "c", vec![]));
    kind = kind.replace("\"unsafe_fork\"", r#""\"><script>x</script> a""#);
    kind = kind.replace("0000000000000003", r#"\"><img src=x onerror=x>"#);
    let (_folder, path) = log(lines(&[hostile(1), child]) + &kind);
    let text = stdout(&report(&["--format", "html", "--host", "*"], &path));
    let page = Html::parse_document(&text);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    assert_eq!(texts(&page, "article").len(), 2);
    assert_eq!(
        (text.matches("<script").count(), text.matches("<style").count()),
        (1, 1)
    );
    assert!(texts(&page, "img, iframe, object, embed, link, base, pre, [style], [src]").is_empty());
    let all = Selector::parse("*").unwrap();
    for element in page.select(&all) {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on"), "{name}");
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    // A list parted by spaces must stay the list that it is.
    let kinds = Selector::parse("[data-kinds]").unwrap();
    let kinds: Vec<_> = page
        .select(&kinds)
        .filter_map(|element| element.attr("data-kinds"))
        .collect();
    assert_eq!(kinds, ["orphaned_lock unsafe_fork", "scriptxscripta"]);
    let control = |character: char| character.is_control() && character != '\n';
    assert!(!text.contains(control) && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn the_page_is_its_own_and_its_policy_allows_nothing_else() {
    let (page, text) = page(&fork_and_child());
    let policy = Selector::parse("meta[http-equiv=Content-Security-Policy]").unwrap();
    let policy = page.select(&policy).next().unwrap().attr("content").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(
        policy.contains("; script-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("url("));
}
