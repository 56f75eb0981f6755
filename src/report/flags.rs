//! The flags of `forkwatch report`.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::format::{ALL, FORMATS};
use super::sql::DIALECTS;

const EXAMPLES: &str = "\
Examples:
  forkwatch report /var/log/forkwatch/
  forkwatch report --since 24h --host 'web-*' 'logs/*.jsonl.gz'
  forkwatch report --format html --output report.html logs/
  forkwatch report --format sarif --output forkwatch.sarif findings.jsonl
  forkwatch report --format json --output known.json findings.jsonl
  forkwatch report --baseline known.json --fail-on error findings.jsonl
  kubectl logs my-pod | forkwatch report -
  forkwatch report --sql=duckdb --output findings.sql";

const CODES: &str = "\
Exit status: 0, 1 if --fail-on was met, 2 wrong usage or a PATH that cannot be read (the others are reported all the \
same), 125 the report cannot be written.";

/// The command, but for its place among the others.
pub fn command() -> Command {
    let formats = FORMATS
        .iter()
        .map(|format| format!("`{}` {}", format.name, format.help))
        .collect::<Vec<_>>();
    Command::new("report")
        .about("Reads records, groups them into findings and prints these, worst first")
        .override_usage("forkwatch report [OPTIONS] PATH...")
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{CODES}"))
        .args([
            option("format", "FORMAT")
                .value_parser(PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))
                .hide_possible_values(true)
                .default_value(FORMATS[0].name)
                .help(format!("How the findings are shown: {}", formats.join("; "))),
            option("output", "FILE")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Write the report there instead of standard output"),
            option("limit", "N")
                .value_parser(|text: &str| {
                    text.parse::<usize>()
                        .map_err(|_| "no whole number; 0 shows all findings".to_owned())
                })
                .help(format!("Show the N worst findings whole, 0 for all of them; {}", limits())),
            option("fail-on", "LEVEL")
                .value_parser(PossibleValuesParser::new(["info", "warn", "error", "fatal"]))
                .ignore_case(true)
                .help("Exit with 1 if any finding told is as bad as LEVEL"),
            option("since", "TIME")
                .help("Only records from TIME on: 2026-11-21T03:00:00Z, 2026-11-21 (in UTC), or so long ago: 90m, 2h, 3d"),
            option("host", "GLOB").help("Only records of hosts whose name fits"),
            option("program", "GLOB").help("Only records of programs whose path, or the last part of it, fits"),
            option("kind", "KIND")
                .action(ArgAction::Append)
                .help("Only findings of this kind; may be given several times"),
            option("suppress", "FILES")
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Suppression files, parted by colons; their rules are those of FORKWATCH_SUPPRESS"),
            option("baseline", "FILE")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Leave out the findings of an earlier `--format json`"),
            option("debug-dir", "DIR")
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::DirPath)
                .help("Look for debug files below DIR, as below /usr/lib/debug; may be given several times"),
            Arg::new("debuginfod")
                .long("debuginfod")
                .action(ArgAction::SetTrue)
                .help("Ask the servers of DEBUGINFOD_URLS for debug files that are not here, by elfutils' debuginfod-find"),
            Arg::new("no-symbols")
                .long("no-symbols")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["debug-dir", "debuginfod"])
                .help("Show frames as they were recorded, without names and lines from the files on this machine"),
            Arg::new("gen-suppressions")
                .long("gen-suppressions")
                .action(ArgAction::SetTrue)
                .conflicts_with("format")
                .help("Print a suppression rule for each finding instead of a report"),
            option("sql", "DATABASE")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value(DIALECTS[0].name)
                .value_parser(PossibleValuesParser::new(DIALECTS.iter().map(|dialect| dialect.name)))
                // What chooses records or findings would do nothing: the database has them.
                .conflicts_with_all(["path", "format", "limit", "gen-suppressions", "fail-on"])
                .conflicts_with_all(["since", "host", "program", "kind", "suppress", "baseline"])
                .help("Print the query that makes this list in a database that has the records, and read none"),
            Arg::new("path")
                .value_name("PATH")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::AnyPath)
                .num_args(1..)
                .required_unless_present("sql")
                .help(
                    "Files, folders (*.jsonl, *.json, *.log and whatever holds records), patterns, or `-` for standard input; \
                     gzip and Zstandard are unpacked",
                ),
        ])
}

/// What each format shows where nobody says how much.
fn limits() -> String {
    let limited = FORMATS.iter().filter(|format| format.limit != ALL);
    let parts: Vec<String> = limited
        .map(|format| format!("{} for {}", format.limit, format.name))
        .collect();
    format!("{}, and all for the others, unless it is given", parts.join(", "))
}

fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value)
}
