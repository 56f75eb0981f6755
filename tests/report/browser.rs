//! `--format html` in a real browser, where one is installed: its script must run, and nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use scraper::{Html, Selector};

use super::formats::hostile;
use super::page::story;
use super::records::lines;
use super::{log, report};

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

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
        .args([
            "60",
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .args(["--enable-logging=stderr", "--virtual-time-budget=2000"])
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
    let mut records = story();
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
    assert_eq!(shown, "3 of 3 shown");

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
