//! `forkwatch explain`: what a kind of finding means, how it happens and how to fix it; or one finding from records.

mod pages;

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use forkwatch_schema::guarded_libraries::ROWS;
use forkwatch_schema::kind::{Kind, KindRow, written};
use forkwatch_schema::nearest::nearest;
use forkwatch_schema::unsafe_functions::FAMILIES;

use self::pages::PAGES;
use crate::message::{self, Failure};
use crate::{exit_codes, report};

const EXAMPLES: &str = "\
Examples:
  forkwatch explain
  forkwatch explain orphaned_lock
  forkwatch explain 9f2c4e1ab07d3358 /var/log/forkwatch/";

/// Columns of the text.
const WIDTH: usize = 100;

/// The definition of this command.
pub fn command() -> Command {
    Command::new("explain")
        .about("Explains what a kind of finding means and how to fix it, or shows one finding from records")
        .override_usage("forkwatch explain [KIND]\n       forkwatch explain FINGERPRINT PATH...")
        .after_help(EXAMPLES)
        .args([
            Arg::new("what")
                .value_name("KIND|FINGERPRINT")
                .help("A kind of finding, or the fingerprint of a finding in the records; without it, lists the kinds"),
            Arg::new("path")
                .value_name("PATH")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::AnyPath)
                .num_args(1..)
                .help("Where the records are, as in `forkwatch report`"),
        ])
}

/// Prints the list, a page or a finding.
pub fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let Some(what) = matches.get_one::<String>("what") else {
        message::print(list().as_bytes())?;
        return Ok(exit_codes::OK);
    };
    let paths: Vec<&OsString> = matches.get_many("path").into_iter().flatten().collect();
    if let Some(kind) = Kind::parse(what).filter(|kind| kind.row().is_written) {
        message::print(page(kind.row()).as_bytes())?;
        return Ok(exit_codes::OK);
    }
    let is_fingerprint = what.len() >= 4 && what.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_fingerprint {
        let nearest = nearest(what, written().map(|row| row.name)).unwrap_or_default();
        return Err(Failure::usage(format!(
            "'{what}' is neither a kind of finding nor a fingerprint; the nearest kind is '{nearest}'"
        )));
    }
    if paths.is_empty() {
        return Err(Failure::usage(format!(
            "a fingerprint needs the records it is in: forkwatch explain {what} PATH..."
        )));
    }
    let (text, kind) = report::one_finding(what, &paths)?;
    let page = Kind::parse(&kind).map_or_else(String::new, |kind| format!("\n{}", page(kind.row())));
    message::print(format!("{text}{page}").as_bytes())?;
    Ok(exit_codes::OK)
}

/// All kinds with their meanings.
fn list() -> String {
    let mut text = String::new();
    for row in written() {
        text.push_str(&format!("{}\n{}\n", row.name, indented(row.meaning)));
    }
    text
}

/// Everything about a kind.
fn page(row: &KindRow) -> String {
    let mut text = format!("{}\n{}\n", row.name, indented(row.meaning));
    let Some(page) = PAGES.iter().find(|page| page.kind == row.kind) else {
        return text;
    };
    if let Some(program) = page.program {
        text.push_str("\nA program that has this fault:\n\n");
        for line in program.lines() {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        }
    }
    if !page.fixes.is_empty() {
        text.push_str("\nHow to fix it:\n");
        for (language, words) in page.fixes {
            text.push_str(&format!("  {language}\n{}\n", indented(words)));
        }
    }
    if row.kind == Kind::GuardedCall {
        text.push_str("\nLibraries that are known to say so themselves; others are named with --guard:\n");
        for row in ROWS {
            let words = format!("{}: \"{}\" {}", row.what, row.sentence, row.mend);
            text.push_str(&format!(
                "  {}\n{}\n    {}\n",
                row.library,
                indented(&words),
                row.source
            ));
        }
    }
    if row.kind == Kind::UnsafeCall {
        text.push_str("\nThe functions that --audit reports, by family:\n");
        for family in FAMILIES {
            text.push_str(&format!(
                "  {}\n{}\n",
                family.name,
                indented(&family.functions.replace(' ', ", "))
            ));
        }
    }
    if !page.links.is_empty() {
        text.push_str("\nFurther reading:\n");
        for link in page.links {
            text.push_str(&format!("  {link}\n"));
        }
    }
    text
}

fn indented(text: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent("    ")
        .subsequent_indent("    ");
    textwrap::fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::{list, page};
    use forkwatch_schema::kind::{Kind, written};

    #[test]
    fn a_page_has_meaning_program_and_remedies() {
        let text = page(Kind::OrphanedLock.row());
        for part in [
            "orphaned_lock\n    A forked child needs a lock",
            "    #include <pthread.h>",
            "  Python\n",
            "  https://man7.org/linux/man-pages/man3/pthread_atfork.3.html\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(written().all(|row| list().contains(row.name)));
    }
}
