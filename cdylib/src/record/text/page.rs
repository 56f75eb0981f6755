//! Lines: prefix, indentation, wrapping and colour. All text passes through here, and what could harm a terminal is escaped.

use anstyle::{AnsiColor, Effects};
use forkwatch_schema::kind::Severity;
use forkwatch_schema::record::Record;

use super::{Style, headline};

/// What every line begins with.
const PREFIX: &str = "forkwatch: ";

/// A space at which no line is wrapped; shown as a space.
pub const GLUE: char = '\u{a0}';

/// Columns after the prefix at which sentences wrap.
const WIDTH: usize = 100 - PREFIX.len();

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Plain,
    /// Names of sections.
    Heading,
    /// Addresses and other things for the second look.
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

/// One line of plain text.
pub fn line(text: &str) -> String {
    let mut line = String::from(PREFIX);
    push_harmless(&mut line, text);
    line.push('\n');
    line
}

/// A text in the making.
#[derive(Debug)]
pub struct Page<'style> {
    /// How it looks.
    pub style: &'style Style,
    text: String,
}

impl<'style> Page<'style> {
    pub const fn new(style: &'style Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// One line of several pieces, as long as it may be.
    pub fn line(&mut self, indent: usize, pieces: &[(Look, &str)]) {
        self.text.push_str(PREFIX);
        self.text.extend(core::iter::repeat_n(' ', indent));
        for (look, piece) in pieces {
            if self.style.colour && *look != Look::Plain && !piece.is_empty() {
                let style = look.style();
                self.text.push_str(&style.render().to_string());
                push_harmless(&mut self.text, piece);
                self.text.push_str(&style.render_reset().to_string());
            } else {
                push_harmless(&mut self.text, piece);
            }
        }
        self.text.push('\n');
    }

    /// A line of plain text, as long as it may be.
    pub fn plain(&mut self, indent: usize, text: &str) {
        self.line(indent, &[(Look::Plain, text)]);
    }

    /// An empty line, if anything stands above.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.line(0, &[]);
        }
    }

    /// The name of a section and what follows it, the latter wrapped with a hanging indentation.
    pub fn heading(&mut self, heading: &str, rest: &str) {
        let mut first = true;
        for line in wrap(rest, WIDTH, heading.chars().count(), 4) {
            if first {
                self.line(0, &[(Look::Heading, heading), (Look::Plain, &line)]);
            } else {
                self.plain(4, &line);
            }
            first = false;
        }
        if first {
            self.line(0, &[(Look::Heading, heading)]);
        }
    }

    /// Sentences, wrapped.
    pub fn sentences(&mut self, indent: usize, text: &str) {
        for paragraph in text.lines() {
            for line in wrap(paragraph, WIDTH, indent, indent) {
                self.plain(indent, &line);
            }
        }
    }

    /// The first line of a finding: how bad, what kind, what happened.
    pub fn title(&mut self, record: &Record) {
        let level = record.severity.name();
        let kind = format!(" {}: ", record.kind.name());
        self.line(
            0,
            &[
                (Look::Level(record.severity), level),
                (Look::Heading, &kind),
                (Look::Heading, &headline(record)),
            ],
        );
    }

    /// The last lines of a finding: what to change, and where to read on.
    pub fn ending(&mut self, record: &Record, advice: &[String]) {
        if !advice.is_empty() {
            self.gap();
            self.heading("What to do:", "");
            for line in advice {
                self.sentences(2, line);
            }
        }
        self.gap();
        if !record.truncated.is_empty() {
            let cut = record.truncated.join(", ");
            self.sentences(0, &format!("Too much for one record; cut short: {cut}."));
        }
        if let Some(context) = &record.context {
            self.sentences(0, &format!("Context: {context}"));
        }
        // Seconds are enough for people.
        let time = record.time.split('.').next().unwrap_or_default();
        let about = format!(
            "{}Z on {}, fingerprint {}",
            time.trim_end_matches('Z'),
            record.host,
            record.fingerprint
        );
        self.line(0, &[(Look::Dim, &about)]);
    }
}

/// Lines of at most `width` columns: the first leaves `first_indent` columns free, the others `indent`.
fn wrap(text: &str, width: usize, first_indent: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = first_indent;
    // Spaces before the text belong to it.
    line.extend(text.chars().take_while(|character| *character == ' '));
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let columns = word.chars().count();
        let space = usize::from(!line.is_empty() && !line.ends_with(' '));
        if used + line.chars().count() + space + columns > width && !line.trim().is_empty() {
            lines.push(core::mem::take(&mut line));
            used = indent;
        } else if space == 1 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Appends text with everything escaped that moves the cursor, changes colours, or turns the direction of writing.
fn push_harmless(to: &mut String, text: &str) {
    for character in text.chars() {
        if character == GLUE {
            to.push(' ');
        } else if is_harmful(character) {
            to.extend(character.escape_default());
        } else {
            to.push(character);
        }
    }
}

/// Control characters, and the invisible ones of Unicode that break lines, turn direction or hide.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
