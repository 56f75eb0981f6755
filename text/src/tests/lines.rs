//! Findings in one line each, and at the width of a terminal.

use super::native::{c_mutex, cpp, rust};
use super::others::{hostile, many_threads, python};
use super::{child, compare, leaked, style, summary};
use crate::{Form, Style, render, render_again};

fn in_lines() -> Style {
    Style {
        form: Form::Line,
        ..style()
    }
}

#[test]
fn one_line_each() {
    let parents = [c_mutex(), cpp(), rust(), python(), hostile(), many_threads(), leaked()];
    let mut text = String::new();
    for record in parents.into_iter().chain(child::samples()) {
        let line = render(&record, None, &in_lines());
        assert_eq!(line.lines().count(), 1, "{line}");
        text.push_str(&line);
    }
    compare("one_line_each", include_str!("one_line_each.txt"), &text);
}

#[test]
fn a_line_says_what_stopped_it_and_is_the_same_again() {
    let stopped = render(&c_mutex(), Some("FORKWATCH_STRICT=locks"), &in_lines());
    assert!(stopped.ends_with("; stopped by FORKWATCH_STRICT=locks\n"), "{stopped}");
    let again = render_again(&c_mutex(), &in_lines());
    assert_eq!(again, render(&c_mutex(), None, &in_lines()));
    assert_eq!(render(&summary(0), None, &in_lines()), "");
}

#[test]
fn on_a_terminal_sentences_and_headlines_wrap_between_words() {
    const COLUMNS: usize = 60;
    let wide = render(&c_mutex(), None, &style());
    let narrow = render(&c_mutex(), None, &style().on_terminal(COLUMNS));
    let words = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_start_matches("forkwatch: "));
        lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    assert_eq!(words(&narrow), words(&wide));
    for line in narrow.lines().filter(|line| line.chars().count() > COLUMNS) {
        assert!(
            line.contains(": #") || line.contains("  #"),
            "only stacks stay whole: {line}"
        );
    }
    let headline: Vec<&str> = narrow
        .lines()
        .take_while(|line| line.len() > "forkwatch: ".len())
        .collect();
    assert!(
        headline.len() > 1 && headline[1].starts_with("forkwatch:     "),
        "{narrow}"
    );
    assert_eq!(style().on_terminal(10).width, 40);
    assert_eq!(style().on_terminal(300).width, 100);
}
