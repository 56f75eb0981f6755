//! `forkwatch report`: from records to findings, worst first.
//!
//! | question | file |
//! |---|---|
//! | which options are there? | `flags` |
//! | which lines are there, and what do they say? | `read` |
//! | what is known of each fingerprint and each fork? | `gather`, filled by the threads of `scan` |
//! | how bad is it, in view of what the children did? | `judge`, which makes each `finding` with its `advice` |
//! | which of them are shown? | `filters`, and what of them `harmless` |
//! | what do its frames lack? | `symbols` |
//! | where is it, which locks were held there, and which are alike? | `place`, `locks`, `similar` |
//! | what is there to show? | `shown` |
//! | how is it shown? | `format`, one file and one row each, in the words of `forkwatch_text`; `rules` for suppressions |
//! | what does `forkwatch run` show at its end? | `run_end` |
//! | how does a database make the same list? | `sql`, one file and one row each |

mod advice;
mod calls;
mod example;
mod examples;
mod filters;
mod finding;
mod flags;
mod format;
mod gather;
mod harmless;
mod judge;
mod locks;
mod place;
mod progress;
pub mod read;
mod rules;
pub mod run_end;
mod scan;
mod shown;
mod similar;
mod sql;
mod symbols;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::os::unix::fs::MetadataExt;

use clap::ArgMatches;
use forkwatch_schema::kind::Severity;
use forkwatch_text::harmless::harmless;
use forkwatch_text::words::{count, number};
use forkwatch_text::{Form, Style, WIDTH};

use self::examples::Examples;
use self::filters::Filters;
pub use self::filters::{kinds, matches, wanted};
pub use self::flags::{command, option};
pub use self::format::FORMATS;
use self::format::Format;
pub use self::gather::Wanted;
use self::shown::{ALL, BrokenLine, Report};
use crate::exit_codes;
use crate::message::{self, Failure, say};
use crate::symbols::Sources;

/// Reads, judges and shows.
pub fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    if let Some(query) = matches.get_one::<String>("sql").and_then(|name| sql::text(name)) {
        write_out(matches, |out| out.write_all(query.as_bytes()))?;
        return Ok(exit_codes::OK);
    }
    let format = format(matches);
    let wanted = Wanted {
        spread: format.spread,
        ..wanted(matches)?
    };
    let filters = Filters::new(matches)?;
    let paths = matches.get_many::<OsString>("path").expect("clap asks for a path");
    let (mut report, problems) = read_all(paths, &wanted, Some(&filters));
    refuse_to_overwrite_inputs(matches, &report)?;
    if report.files == 0 && problems > 0 {
        // Nothing was read: "no findings" would be misleading, and a passed test in a format for CI.
        return Ok(exit_codes::USAGE);
    }
    let left_out = filters.apply(&mut report.findings, &report.examples);
    (report.suppressed, report.known) = (left_out.suppressed, left_out.known);
    report.other_kinds = left_out.other_kinds;
    report.examples.rules = filters.rules();
    report.chosen = filters::chosen(matches);
    report.limit = limit(matches, format);
    if let Some(sources) = symbols::sources(matches) {
        report.examples.known = symbols::look_up(&report.findings, &report.examples, &sources);
    }
    show(matches, format, &report)?;
    let is_bad = |level| report.findings.iter().any(|finding| finding.severity >= level);
    let limit = matches
        .get_one::<String>("fail-on")
        .and_then(|word| Severity::parse(word));
    Ok(if limit.is_some_and(is_bad) {
        exit_codes::FAIL_ON
    } else if problems > 0 {
        exit_codes::USAGE
    } else {
        exit_codes::OK
    })
}

/// The finding in these records whose fingerprint begins like this, as text, and its kind.
pub fn one_finding(fingerprint: &str, paths: &[&OsString]) -> Result<(String, String), Failure> {
    let (mut report, _) = read_all(paths.iter().copied(), &Wanted::default(), None);
    let start = fingerprint.to_ascii_lowercase();
    let position = report
        .findings
        .iter()
        .position(|finding| finding.fingerprint.starts_with(&start));
    let position = position.ok_or_else(|| {
        Failure::usage(format!(
            "no finding has the fingerprint {fingerprint} in {}",
            count(report.records, "record", "records")
        ))
    })?;
    let children = report.findings[position].followed_by.clone();
    let shown = report.findings.iter().enumerate().filter(|(place, finding)| {
        // A child's half is shown with its parent's.
        *place == position || children.contains(&finding.fingerprint)
    });
    let shown: Vec<_> = shown.map(|(_, finding)| finding.clone()).collect();
    report.examples.known = symbols::look_up(&shown, &report.examples, &Sources::default());
    let finding = &report.findings[position];
    Ok((format::as_text(&report, finding, &style(true)), finding.kind.clone()))
}

/// Everything in the paths, and how many of them could not be read. Each of these is reported at once, because the report
/// may be long.
fn read_all<'path>(
    paths: impl IntoIterator<Item = &'path OsString>,
    wanted: &Wanted,
    filters: Option<&Filters>,
) -> (Report, usize) {
    let (inputs, mut problems) = read::inputs::find(paths);
    let mut scanned = scan::scan(&inputs, wanted);
    problems.extend(scanned.problems.iter().cloned());
    for problem in &problems {
        say(&Failure::usage(harmless(problem)));
    }
    let broken_line = |(input, line, why): &(usize, u64, String)| BrokenLine {
        path: inputs[*input].path.clone(),
        line: *line,
        why: why.clone(),
    };
    let mut report = Report {
        files: inputs.len() as u64,
        records: scanned.gathered.records,
        unwanted: scanned.gathered.unwanted,
        broken: scanned.gathered.broken.count,
        broken_lines: scanned.broken.iter().map(broken_line).collect(),
        hosts: names(&scanned.gathered.hosts),
        programs: names(&scanned.gathered.exes),
        is_partial: scanned.gathered.spread.is_partial,
        examples: Examples::new(
            inputs.iter().map(|input| input.path.clone()).collect(),
            std::mem::take(&mut scanned.gathered.spools),
        ),
        ..Report::default()
    };
    (report.findings, report.lost_repeats) =
        judge::findings(scanned, |kind| filters.is_some_and(|filters| filters.names(kind)));
    (report, problems.len())
}

fn names(names: &gather::names::Names<'_>) -> shown::Names {
    shown::Names {
        count: names.len(),
        texts: names.texts().to_vec(),
    }
}

fn format(matches: &ArgMatches) -> &'static Format {
    let name = matches.get_one::<String>("format").map(String::as_str);
    FORMATS
        .iter()
        .find(|format| Some(format.name) == name)
        .unwrap_or(&FORMATS[0])
}

/// Refuses to overwrite an input: examples are read again when they are shown.
fn refuse_to_overwrite_inputs(matches: &ArgMatches, report: &Report) -> Result<(), Failure> {
    let Some(output) = matches.get_one::<OsString>("output") else {
        return Ok(());
    };
    let Ok(target) = fs::metadata(output).map(|target| (target.dev(), target.ino())) else {
        return Ok(());
    };
    let mut inputs = report.examples.inputs().iter();
    let is_input = inputs.any(|input| fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == target));
    if is_input {
        let shown = output.display();
        return Err(Failure::usage(format!(
            "--output {shown} is also an input; name another file"
        )));
    }
    Ok(())
}

/// How many findings are shown in full; `None` for the format's own choice where that is more than a number.
fn limit(matches: &ArgMatches, format: &Format) -> Option<usize> {
    match matches.get_one::<usize>("limit") {
        Some(0) => Some(ALL),
        Some(&limit) => Some(limit),
        // A page is also limited by its size in bytes.
        None => (format.name != "html").then_some(format.limit),
    }
}

fn show(matches: &ArgMatches, format: &Format, report: &Report) -> Result<(), Failure> {
    let is_printed = !matches.contains_id("output");
    // Text names broken lines itself; other formats have no place for them.
    let is_text = format.name == "text" && !matches.get_flag("gen-suppressions");
    write_out(matches, |out| {
        if matches.get_flag("gen-suppressions") {
            rules::write(report, out)
        } else {
            (format.write)(report, &style(is_printed), out)
        }
    })?;
    if !is_text {
        say_broken(report);
        say_what_is_left_out(report);
    }
    if !is_text && format.name != "html" && report.whole().len() < report.findings.len() {
        say(&Failure::usage(format!(
            "showing the worst {} of {}; --limit 0 shows all",
            number(report.whole().len() as u64),
            count(report.findings.len() as u64, "finding", "findings")
        )));
    }
    Ok(())
}

/// Writes piece by piece: a report may be larger than the memory.
fn write_out(matches: &ArgMatches, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let Some(path) = matches.get_one::<OsString>("output") else {
        return message::print_by(write);
    };
    let whole = || {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    whole().map_err(|error| Failure::cannot(format!("{} cannot be written: {error}", path.display())))
}

/// Where nothing is shown because all was left out: a page or a list without findings looks the same.
fn say_what_is_left_out(report: &Report) {
    if !report.findings.is_empty() {
        return;
    }
    let records = report.left_out_records().map(|left_out| {
        let records = count(report.records, "record", "records");
        format!("{records}; {left_out}")
    });
    let clauses: Vec<String> = records.into_iter().chain(report.left_out_findings()).collect();
    if !clauses.is_empty() {
        say(&Failure::usage(format!(
            "no findings are shown: {}",
            clauses.join("; ")
        )));
    }
}

fn say_broken(report: &Report) {
    for broken in &report.broken_lines {
        let text = format!("{}:{}: {}", broken.path.display(), broken.line, broken.why);
        say(&Failure::usage(harmless(&text)));
    }
    if let Some(more @ 1..) = report.broken.checked_sub(report.broken_lines.len() as u64) {
        say(&Failure::usage(format!(
            "{} not shown",
            count(more, "more invalid line", "more invalid lines")
        )));
    }
}

fn style(to_standard_output: bool) -> Style {
    let is_terminal = to_standard_output && stdout().is_terminal();
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    Style {
        prefix: "",
        form: Form::Full,
        wraps_headlines: false,
        home: set("HOME"),
        width: columns
            .filter(|_| is_terminal)
            .map_or(WIDTH, |columns| columns.clamp(40, WIDTH)),
        colour: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        working_directory: env::current_dir()
            .ok()
            .and_then(|path| path.into_os_string().into_string().ok()),
    }
}
