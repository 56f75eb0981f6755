//! How a text is formatted.

/// How the text looks.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// What every line begins with.
    pub prefix: &'static str,
    /// Columns of a line, the prefix included, at which sentences wrap.
    pub width: usize,
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
        width: 100,
        colour: false,
        home: None,
        working_directory: None,
    };
}
