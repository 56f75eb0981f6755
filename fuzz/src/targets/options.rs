//! The environment: one variable per line, `NAME=VALUE`.

use forkwatch_schema::destination::Destination;
use forkwatch_schema::log_path::{Marks, expand};
use forkwatch_text::Style;

use super::{assert_harmless, lines};
use crate::config::from_variables;

pub fn run(input: &[u8]) -> usize {
    let variable = |line| {
        <[u8]>::iter(line)
            .position(|&byte| byte == b'=')
            .map(|at| (&line[..at], &line[at + 1..]))
    };
    let variables: Vec<_> = lines(input).filter_map(variable).collect();
    let config = from_variables(variables.iter().copied());
    assert!((1..=64).contains(&config.depth), "{} frames", config.depth);
    assert!(
        config.complaints.len() <= variables.len(),
        "more complaints than variables"
    );
    let style = Style {
        prefix: "",
        home: config.home.clone(),
        width: 100,
        colour: false,
        working_directory: None,
        ..Style::default()
    };
    for complaint in &config.complaints {
        assert_harmless(&forkwatch_text::sentence(complaint, &style));
    }
    let marks = Marks {
        pid: 42,
        host: "h",
        program: "p",
    };
    let log = config.log.as_ref().and_then(|log| match log {
        Destination::File(path) | Destination::Socket(path) => Some(path),
        Destination::Descriptor(_) | Destination::Journal => None,
    });
    for template in log.into_iter().chain([&config.text]) {
        let longest = template.len() * marks.pid.to_string().len();
        assert!(
            expand(template, marks).len() <= longest,
            "a path grows by its marks alone"
        );
    }
    variables.len()
}
