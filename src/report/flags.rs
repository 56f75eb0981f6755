//! The flags of `forkwatch report`.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::format::FORMATS;
use super::shown::ALL;
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

const CODES: &str = "Exit status: 0 for success, 1 if a finding reaches the level of --fail-on, 2 for wrong usage or \
                     a PATH that cannot be read (the others are still reported), 125 if the report cannot be written.";

/// The definition of this command.
pub fn command() -> Command {
    let formats = FORMATS
        .iter()
        .map(|format| format!("`{}` ({})", format.name, format.help))
        .collect::<Vec<_>>();
    Command::new("report")
        .about("Reads records, groups them into findings and prints the findings, worst first")
        .override_usage("forkwatch report [OPTIONS] PATH...")
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{CODES}"))
        .args([
            option("format", "FORMAT")
                .value_parser(PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))
                .hide_possible_values(true)
                .default_value(FORMATS[0].name)
                .help(format!("How to show the findings: {}", formats.join(", "))),
            option("output", "FILE")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Write the report to FILE instead of standard output"),
            option("limit", "N")
                .value_parser(|text: &str| {
                    text.parse::<usize>()
                        .map_err(|_| "not a whole number; 0 shows all findings".to_owned())
                })
                .help(format!("Show the N worst findings in full, 0 for all; {}", limits())),
            option("fail-on", "LEVEL")
                .value_parser(PossibleValuesParser::new(["info", "warn", "error", "fatal"]))
                .ignore_case(true)
                .help("Exit with 1 if any finding is of LEVEL or worse"),
            option("since", "TIME").help(
                "Only records since TIME: a time or date in UTC (2026-11-21T03:00:00Z, 2026-11-21) or an age \
                       (90m, 2h, 3d)",
            ),
            option("host", "GLOB").help("Only records from hosts whose name matches GLOB"),
            option("program", "GLOB").help(
                "Only records from programs whose path, or the last part of it, matches \
                                            GLOB",
            ),
            option("kind", "KIND")
                .action(ArgAction::Append)
                .help("Only findings of this kind; may be repeated"),
            option("suppress", "FILES")
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Suppression files, separated by colons, in the format of FORKWATCH_SUPPRESS; may be repeated"),
            option("baseline", "FILE")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .help("Hide the findings in FILE, the output of an earlier `--format json`"),
            option("debug-dir", "DIR")
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::DirPath)
                .help("Also look for debug files below DIR, laid out as in /usr/lib/debug; may be repeated"),
            Arg::new("debuginfod")
                .long("debuginfod")
                .action(ArgAction::SetTrue)
                .help("Ask the servers in DEBUGINFOD_URLS for missing debug files, with elfutils' debuginfod-find"),
            Arg::new("no-symbols")
                .long("no-symbols")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["debug-dir", "debuginfod"])
                .help("Show frames as recorded, without looking up names and lines on this machine"),
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
                // Selecting records or findings would have no effect: the database has them.
                .conflicts_with_all(["path", "format", "limit", "gen-suppressions", "fail-on"])
                .conflicts_with_all(["since", "host", "program", "kind", "suppress", "baseline"])
                .help(
                    "Print a query that makes the same list in a database that holds the records, instead of \
                       reading records",
                ),
            Arg::new("path")
                .value_name("PATH")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::AnyPath)
                .num_args(1..)
                .required_unless_present("sql")
                .help(
                    "Files, directories (their *.jsonl, *.json and *.log files, and any other file with records), \
                     patterns, or `-` for standard input; gzip and Zstandard files are unpacked",
                ),
        ])
}

/// The default limit of each format.
fn limits() -> String {
    let limited = FORMATS.iter().filter(|format| format.limit != ALL);
    let parts: Vec<String> = limited
        .map(|format| format!("{} for {}", format.limit, format.name))
        .collect();
    format!("default {}, and all for the others", parts.join(", "))
}

/// A flag with a value.
pub fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value)
}
