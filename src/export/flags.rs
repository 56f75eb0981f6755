//! The flags of `forkwatch export`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};
use jiff::{Span, SpanRelativeTo};

use super::format::FORMATS;
use crate::report::option;

const EXAMPLES: &str = "\
Examples:
  forkwatch export --format otlp --to http://localhost:4318 --follow /var/log/forkwatch/
  forkwatch export --format ecs --to https://logs.example:9200 --header @api-key.txt logs/
  forkwatch export --format sentry --to https://KEY@o1.ingest.sentry.io/2 --follow /var/log/forkwatch/
  forkwatch export --format prometheus --to /var/lib/node_exporter/forkwatch.prom --follow /var/log/forkwatch/
  forkwatch export --format ecs findings.jsonl > findings.ecs.jsonl";

const CODES: &str = "Exit status: 0 for success, and where SIGTERM or SIGINT ends --follow; 2 for wrong usage or a PATH that \
                     cannot be read (the others are still exported); 125 if the receiver does not take the records, or \
                     rejects some. Invalid lines are counted and reported, but are no failure.";

/// The definition of this command.
pub fn command() -> Command {
    let formats: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("`{}` ({})", format.name, format.help))
        .collect();
    let targets: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("for {}, {}", format.name, format.to))
        .collect();
    Command::new("export")
        .about("Converts records to other formats and sends them on")
        .override_usage("forkwatch export --format FORMAT [OPTIONS] PATH...")
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n\n{CODES}"))
        .args([
            option("format", "FORMAT")
                .value_parser(PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))
                .hide_possible_values(true)
                .required(true)
                .help(format!("The format: {}", formats.join(", "))),
            option("to", "URL").value_hint(ValueHint::Url).help(format!(
                "Where to send: {}; without it, standard output",
                targets.join("; ")
            )),
            Arg::new("follow")
                .long("follow")
                .action(ArgAction::SetTrue)
                .help("Go on as files grow, are rotated or appear, until SIGTERM or SIGINT"),
            option("positions", "FILE")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath)
                .requires("to")
                .help(
                    "Keep in FILE how far each file was sent, so that the next export goes on there; `none` sends everything \
                     (default: a file for this format, URL and selection in $STATE_DIRECTORY, $XDG_STATE_HOME/forkwatch or \
                     ~/.local/state/forkwatch)",
                ),
            option("header", "NAME:VALUE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .requires("to")
                .help("Add a header to each request, or those in a file, one a line: @FILE; may be repeated"),
            option("batch", "N")
                .value_parser(value_parser!(u32).range(1..))
                .help("Send at most N records together (default: as many as suit the format)"),
            option("patience", "TIME")
                .value_parser(time)
                .requires("to")
                .help(
                    "Give up if the receiver takes nothing for TIME, such as 90s or 10m (default: 5m, and never with \
                     --follow)",
                ),
            option("severity", "LEVEL")
                .value_parser(PossibleValuesParser::new(["info", "warn", "error", "fatal"]))
                .ignore_case(true)
                .help("Only records of LEVEL or worse (default: info, and warn for sentry)"),
            option("since", "TIME").help(
                "Only records since TIME: a time or date in UTC (2026-11-21T03:00:00Z, 2026-11-21) or an age (90m, 2h, 3d)",
            ),
            option("host", "GLOB").help("Only records from hosts whose name matches GLOB"),
            option("program", "GLOB")
                .help("Only records from programs whose path, or the last part of it, matches GLOB"),
            option("kind", "KIND")
                .action(ArgAction::Append)
                .help("Only records of this kind; may be repeated"),
            Arg::new("path")
                .value_name("PATH")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::AnyPath)
                .num_args(1..)
                .required(true)
                .help(
                    "Files, directories (their *.jsonl, *.json and *.log files, and any other file with records), \
                     patterns, or `-` for standard input; gzip and Zstandard files are unpacked",
                ),
        ])
}

/// A length of time.
fn time(text: &str) -> Result<Duration, String> {
    let span: Option<Span> = text.parse().ok();
    let time = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "not a length of time such as 90s, 10m or 2h".to_owned())
}
