//! Lines of at most so many columns, and the one place that makes hostile text harmless.

use anstyle::{AnsiColor, Effects};
use forkwatch_schema::kind::Severity;
use unicode_width::UnicodeWidthStr;

use crate::report::format::Style;
use crate::report::words::harmless;

/// A space at which no line is wrapped; shown as a space.
pub const GLUE: char = '\u{a0}';

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Names of sections.
    Heading,
    /// For the second look.
    Dim,
    /// The word that says how bad it is.
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

/// A text in the making.
#[derive(Debug)]
pub struct Page<'style> {
    /// How it looks.
    pub style: &'style Style,
    text: String,
}

impl<'style> Page<'style> {
    /// An empty one.
    pub const fn new(style: &'style Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    /// One line of several pieces, as long as it may be: names, paths and addresses must be found by a search.
    pub fn line(&mut self, indent: usize, pieces: &[(Look, &str)]) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        for (look, piece) in pieces {
            self.piece(*look, &harmless(piece));
        }
        self.text.push('\n');
    }

    /// An empty line, if anything stands above.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A beginning and sentences behind it, wrapped with a hanging indentation.
    pub fn sentences(&mut self, indent: usize, start: &[(Look, &str)], text: &str) {
        let used: usize = start.iter().map(|(_, piece)| harmless(piece).width()).sum();
        let (first, next) = (" ".repeat(used), if used == 0 { "" } else { "    " });
        let width = self.style.width.saturating_sub(indent).max(20);
        let text = harmless(text);
        let options = textwrap::Options::new(width)
            .initial_indent(&first)
            .subsequent_indent(next)
            // A long word is a path or a symbol, which nobody wants in two.
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for (number, line) in textwrap::wrap(&text, options).iter().enumerate() {
            let line = line.replace(GLUE, " ");
            self.text.extend(std::iter::repeat_n(' ', indent));
            if number == 0 {
                for (look, piece) in start {
                    self.piece(*look, &harmless(piece));
                }
                let look = start.last().map_or(Look::Plain, |(look, _)| *look);
                let look = if look == Look::Heading { Look::Plain } else { look };
                self.piece(look, line.get(used..).unwrap_or_default());
            } else {
                self.piece(Look::Plain, &line);
            }
            self.text.push('\n');
        }
    }

    fn piece(&mut self, look: Look, text: &str) {
        if self.style.colour && look != Look::Plain && !text.is_empty() {
            let style = look.style();
            self.text
                .push_str(&format!("{}{text}{}", style.render(), style.render_reset()));
        } else {
            self.text.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Page};
    use crate::report::format::Style;
    use forkwatch_schema::kind::Severity;

    fn style(colour: bool) -> Style {
        Style {
            width: 30,
            colour,
            working_directory: None,
        }
    }

    #[test]
    fn sentences_wrap_at_the_width_and_long_words_stay_whole() {
        let style = style(false);
        let mut page = Page::new(&style);
        page.sentences(
            2,
            &[(Look::Heading, "Why: ")],
            "a sentence that is longer than a line /a/very/long/path/that/nobody/cuts",
        );
        assert_eq!(
            page.finish(),
            "  Why: a sentence that is\n      longer than a line\n      /a/very/long/path/that/nobody/cuts\n"
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
