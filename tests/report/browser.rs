//! `--format html` in a real browser, where one is installed: its script must run, and nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use scraper::{Html, Selector};

use super::formats::hostile;
use super::page::fork_and_child;
use super::records::lines;
use super::{log, report};

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// As root, without a screen, and without a word to anybody.
const QUIET: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser that can be started without a screen.
fn browser() -> Option<&'static str> {
    let starts = |name: &&&str| {
        let mut version = Command::new(name);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    BROWSERS.iter().find(starts).copied()
}

/// The page after its script ran, and what the browser said of it.
fn opened(browser: &str, page: &Path, profile: &Path) -> (Html, String) {
    let output = Command::new("timeout")
        .args(["60", browser])
        .args(QUIET)
        .args(["--dump-dom", "--enable-logging=stderr", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = said
        .lines()
        .filter(|line| line.contains(":CONSOLE"))
        .collect::<Vec<_>>();
    (
        Html::parse_document(&String::from_utf8_lossy(&output.stdout)),
        console.join("\n"),
    )
}

#[test]
fn a_browser_runs_the_pages_own_script_and_has_nothing_to_say() {
    let Some(browser) = browser() else {
        println!("skipped: no Chromium is installed");
        return;
    };
    let mut records = fork_and_child();
    records.push(hostile(9));
    let (folder, path) = log(lines(&records));
    let text = String::from_utf8(report(&["--format", "html"], &path).stdout).unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, &text).unwrap();
    let (page, console) = opened(browser, &file, &folder.path().join("profile"));
    assert_eq!(console, "");
    let shown = Selector::parse("#controls:not([hidden]) #shown").unwrap();
    let shown = page
        .select(&shown)
        .next()
        .expect("the script ran")
        .text()
        .collect::<String>();
    assert_eq!(shown, "4 of 4 findings shown");

    // The proof that the policy holds, and that the browser would say so.
    let smuggled = text.replace(
        "</main>",
        "<script>document.title = \"x\"</script><p style=\"color:red\"></main>",
    );
    fs::write(&file, smuggled).unwrap();
    let (page, console) = opened(browser, &file, &folder.path().join("profile"));
    assert!(console.contains("Content Security Policy"), "{console}");
    let title = Selector::parse("title").unwrap();
    let title = page.select(&title).next().unwrap().text().collect::<String>();
    assert!(title.starts_with("forkwatch: "), "{title}");
}

/// What a user does, and the findings that are then to be seen.
const CHOICES: &[(&str, &str)] = &[
    (
        "search.value = 'APP.PY start'; search.dispatchEvent(new Event('input'));",
        "FATAL what 1 says",
    ),
    ("choose('severity', 'INFO');", "INFO what 3 says"),
    ("choose('kinds', 'orphaned_lock');", "FATAL what 1 says"),
    (
        "choose('hosts', [...list('hosts').options].find((it) => it.text === 'node-2').value);",
        "INFO what 3 says",
    ),
    (
        "choose('severity', 'INFO'); controls.reset();",
        "FATAL what 1 says, INFO what 3 says",
    ),
    (
        "unfold.click(); const folded = document.querySelector('.finding details:not([open])');\
         search.value = folded ? 'no such text' : 'what 1'; choose('severity', 'FATAL');",
        "FATAL what 1 says",
    ),
];

#[test]
fn findings_are_chosen_and_unfolded() {
    let Some(browser) = browser() else {
        println!("skipped: no Chromium is installed");
        return;
    };
    let (folder, path) = log(lines(&fork_and_child()));
    let text = String::from_utf8(report(&["--format", "html"], &path).stdout).unwrap();
    let (policy, _) = text
        .split_once("<meta http-equiv")
        .map(|(_, rest)| rest.split_once('>').unwrap())
        .unwrap();
    let open = text.replace(&format!("<meta http-equiv{policy}>"), "");
    for (what, seen) in CHOICES {
        let script = format!(
            "<script>const list = (key) => document.querySelector(`[data-key=${{key}}]`);\
             const choose = (key, value) => {{ list(key).value = value;\
             list(key).dispatchEvent(new Event('change', {{ bubbles: true }})); }};{what}</script></body>"
        );
        let file = folder.path().join("page.html");
        fs::write(&file, open.replace("</body>", &script)).unwrap();
        let (page, console) = opened(browser, &file, &folder.path().join("profile"));
        assert_eq!(console, "", "{what}");
        let headlines = Selector::parse("article:not([hidden]) h3").unwrap();
        let shown: Vec<String> = page
            .select(&headlines)
            .map(|headline| headline.text().collect())
            .collect();
        assert_eq!(shown.join(", "), *seen, "{what}");
    }
}
