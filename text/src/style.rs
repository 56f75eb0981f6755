//! How a text is formatted.

/// Columns of a line: wider ones are hard to read.
pub const WIDTH: usize = 100;

/// How much of a finding is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    #[default]
    Full,
    /// One line.
    Line,
}

impl Form {
    /// The form that a value of `FORKWATCH_FORMAT` names.
    pub fn named(value: &[u8]) -> Self {
        if value == b"line" { Self::Line } else { Self::Full }
    }
}

/// How the text looks.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// What every line begins with.
    pub prefix: &'static str,
    /// How much there is.
    pub form: Form,
    /// Columns of a line, the prefix included, at which sentences wrap.
    pub width: usize,
    /// The first and the last line of a finding wrap, too. Elsewhere than on a terminal, which would cut them inside a word, they stay
    /// whole for searches.
    pub wraps_headlines: bool,
    /// With the escape sequences of a terminal.
    pub colour: bool,
    /// The user's home directory, shown as `~`.
    pub home: Option<String>,
    /// Files below it are shown relative to it.
    pub working_directory: Option<String>,
}

impl Style {
    /// For a watched program's standard error, where our lines must be distinguishable from the program's.
    pub const LIVE: Self = Self {
        prefix: "forkwatch: ",
        form: Form::Full,
        width: WIDTH,
        wraps_headlines: false,
        colour: false,
        home: None,
        working_directory: None,
    };

    /// The same on a terminal with so many columns.
    pub fn on_terminal(self, columns: usize) -> Self {
        /// Narrower, long words would stand alone.
        const NARROWEST: usize = 40;
        Self {
            width: columns.clamp(NARROWEST, WIDTH),
            wraps_headlines: true,
            ..self
        }
    }
}
