//! Lines: prefix, indentation, wrapping and colour. All text passes through here, and everything that could control a terminal is
//! escaped.

use anstyle::{AnsiColor, Effects};
use forkwatch_schema::kind::Severity;
use textwrap::WordSplitter;
use unicode_width::UnicodeWidthStr;

use super::harmless::harmless;
use super::style::Style;

/// A space at which no line is wrapped; shown as a space.
pub const GLUE: char = '\u{a0}';

/// Columns by which the continuation lines of a wrapped heading are indented.
const HANGING: usize = 4;

/// The smallest width for wrapping, whatever the indentation.
const NARROWEST: usize = 20;

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Names of sections.
    Heading,
    /// Addresses and other details.
    Dim,
    /// The severity.
    Level(Severity),
}

impl Look {
    fn style(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        match self {
            Self::Plain => plain,
            Self::Heading => plain.effects(Effects::BOLD),
            Self::Dim => plain.effects(Effects::DIMMED),
            Self::Level(severity) => {
                let colour = match severity {
                    Severity::Info => AnsiColor::Cyan,
                    Severity::Warn => AnsiColor::Yellow,
                    Severity::Error => AnsiColor::Red,
                    Severity::Fatal => AnsiColor::Magenta,
                };
                plain.effects(Effects::BOLD).fg_color(Some(colour.into()))
            }
        }
    }
}

/// A text under construction.
#[derive(Debug)]
pub struct Page<'style> {
    /// Its style.
    pub style: &'style Style,
    /// Columns by which all following lines are indented.
    pub margin: usize,
    text: String,
    ends_with_gap: bool,
}

impl<'style> Page<'style> {
    /// An empty one.
    pub const fn new(style: &'style Style) -> Self {
        Self {
            style,
            margin: 0,
            text: String::new(),
            ends_with_gap: true,
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    /// The text written since the last call, for a caller that prints a long text piece by piece.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// One line of several pieces, which is never wrapped, so that names, paths and addresses can be found by a search.
    pub fn line(&mut self, indent: usize, pieces: &[(Look, &str)]) {
        self.ends_with_gap = pieces.is_empty();
        self.text.push_str(self.style.prefix);
        if !pieces.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.margin + indent));
        }
        for (look, piece) in pieces {
            let mut piece = harmless(piece);
            if piece.contains(GLUE) {
                piece = piece.replace(GLUE, " ").into();
            }
            if self.style.colour && *look != Look::Plain && !piece.is_empty() {
                let style = look.style();
                self.text
                    .push_str(&format!("{}{piece}{}", style.render(), style.render_reset()));
            } else {
                self.text.push_str(&piece);
            }
        }
        self.text.push('\n');
    }

    /// A line of plain text, which is never wrapped.
    pub fn plain(&mut self, indent: usize, text: &str) {
        self.line(indent, &[(Look::Plain, text)]);
    }

    /// An empty line, unless the text ends with one.
    pub fn gap(&mut self) {
        if !self.ends_with_gap {
            self.line(0, &[]);
        }
    }

    /// The name of a section and what follows it, the latter wrapped with a hanging indentation.
    pub fn heading(&mut self, heading: &str, rest: &str) {
        self.started(0, &[(Look::Heading, heading)], Look::Plain, rest);
    }

    /// Sentences, wrapped.
    pub fn sentences(&mut self, indent: usize, text: &str) {
        for paragraph in text.lines() {
            self.started(indent, &[], Look::Plain, paragraph);
        }
    }

    /// A beginning and a text behind it, which is wrapped; with a hanging indentation, if there is a beginning.
    pub fn started(&mut self, indent: usize, start: &[(Look, &str)], look: Look, text: &str) {
        let text = harmless(text);
        let used: usize = start.iter().map(|(_, piece)| harmless(piece).width()).sum();
        let columns = self
            .style
            .width
            .saturating_sub(self.style.prefix.len() + self.margin + indent);
        let (first, next) = (" ".repeat(used), if used == 0 { 0 } else { HANGING });
        let next = " ".repeat(next);
        let options = textwrap::Options::new(columns.max(NARROWEST))
            .initial_indent(&first)
            .subsequent_indent(&next)
            // A long word is a path or a symbol, which nobody wants in two.
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        for (number, line) in textwrap::wrap(&text, options).iter().enumerate() {
            if number == 0 {
                let mut pieces = start.to_vec();
                pieces.push((look, line.get(used..).unwrap_or_default()));
                self.line(indent, &pieces);
            } else {
                let rest = line.trim_start();
                self.line(indent + line.len() - rest.len(), &[(look, rest)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Page};
    use crate::style::Style;
    use forkwatch_schema::kind::Severity;

    fn style(colour: bool) -> Style {
        Style {
            width: 30,
            colour,
            ..Style::default()
        }
    }

    #[test]
    fn sentences_wrap_at_the_width_and_long_words_stay_whole() {
        let style = style(false);
        let mut page = Page::new(&style);
        page.margin = 2;
        page.heading(
            "Why: ",
            "a sentence that is longer than a line /a/very/long/path/that/nobody/cuts",
        );
        assert_eq!(
            page.finish(),
            "  Why: a sentence that is\n      longer than a line\n      /a/very/long/path/that/nobody/cuts\n"
        );
    }

    #[test]
    fn the_prefix_counts_and_an_empty_line_has_nothing_behind_it() {
        let style = Style {
            prefix: "forkwatch: ",
            ..style(false)
        };
        let mut page = Page::new(&style);
        page.sentences(2, "fifteen columns are not left");
        page.gap();
        page.heading("Why:", "");
        assert_eq!(
            page.finish(),
            "forkwatch:   fifteen columns are\nforkwatch:   not left\nforkwatch: \nforkwatch: Why:\n"
        );
    }

    #[test]
    fn colour_is_ours_alone() {
        let style = style(true);
        let mut page = Page::new(&style);
        page.line(
            0,
            &[(Look::Level(Severity::Fatal), "FATAL"), (Look::Plain, " \u{1b}[2J")],
        );
        assert_eq!(page.finish(), "\u{1b}[1m\u{1b}[35mFATAL\u{1b}[0m \\u{1b}[2J\n");
    }
}
