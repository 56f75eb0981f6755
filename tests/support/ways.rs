//! The three ways to run a program: bare, which proves the hazard; watched, which must report it and change nothing; and
//! suppressed, which must not report it and change nothing.

use std::{fmt, fs};

use forkwatch_schema::kind::Kind;

use super::judge;
use super::library::library;
use super::process::{End, Folder, Run, run};
use super::program::{Language, Program, Start};
use super::records::{self, Line};

/// The exit code of a program that cannot show its case here.
const SKIPPED: i32 = 77;

/// A program's run under the library.
pub struct Watched {
    pub run: Run,
    pub records: Result<Vec<Line>, String>,
    /// The report for people, where it went to a file of its own.
    pub text: String,
}

impl fmt::Debug for Watched {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:?}text: {}", self.run, self.text.trim_end())?;
        match &self.records {
            Ok(lines) => lines.iter().try_for_each(|line| writeln!(out, "record: {}", line.text)),
            Err(error) => writeln!(out, "records: {error}"),
        }
    }
}

impl Watched {
    /// The records, which must all be sound.
    pub fn lines(&self) -> &[Line] {
        match &self.records {
            Ok(lines) => lines,
            Err(error) => panic!("{error}"),
        }
    }

    /// The records of one kind.
    pub fn of(&self, kind: Kind) -> Vec<&Line> {
        self.lines().iter().filter(|line| line.kind == kind).collect()
    }
}

/// Runs a program under the library. Records go to a file and text to another, unless `variables` say otherwise.
pub fn watch(program: &Program, start: &Start, arguments: &[String], variables: &[(&str, &str)]) -> Watched {
    let folder = Folder::new(&program.name);
    watch_in(&folder, program, start, arguments, variables)
}

/// The same in a folder of the caller's.
pub fn watch_in(
    folder: &Folder,
    program: &Program,
    start: &Start,
    arguments: &[String],
    variables: &[(&str, &str)],
) -> Watched {
    let (log, text) = (folder.join("log"), folder.join("text"));
    let mut all = program.variables.clone();
    all.insert("LD_PRELOAD".into(), library().display().to_string());
    all.insert("FORKWATCH_LOG".into(), log.display().to_string());
    all.insert("FORKWATCH_TEXT".into(), text.display().to_string());
    all.extend(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    all.retain(|_, value| value != UNSET);
    let run = run(&mut start.command(arguments), &all, folder);
    let text = String::from_utf8_lossy(&fs::read(&text).unwrap_or_default()).into_owned();
    Watched {
        run,
        records: records::read(&log),
        text,
    }
}

/// A variable's value that stands for none.
pub const UNSET: &str = "\u{0}";

/// Runs a program bare.
pub fn bare(program: &Program, start: &Start, arguments: &[String]) -> Run {
    let folder = Folder::new(&program.name);
    run(&mut start.command(arguments), &program.variables, &folder)
}

/// Every run of the program in all three ways; fails with all that is wrong.
pub fn three_ways(language: Language, name: &str) {
    let program = match Program::ready(language, name) {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {name}: {reason}"),
    };
    let mut wrongs = Vec::new();
    for start in &program.starts {
        for arguments in &program.head.runs {
            if start.is_free_threaded && program.head.needs_lock(arguments) {
                continue;
            }
            let label = [name, &start.label, &arguments.join(" ")].join(" ");
            let found = three_ways_of(&program, start, arguments);
            wrongs.extend(found.into_iter().map(|wrong| format!("{}: {wrong}", label.trim_end())));
        }
    }
    assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n"));
}

fn three_ways_of(program: &Program, start: &Start, arguments: &[String]) -> Vec<String> {
    let bare = bare(program, start, arguments);
    if bare.end == End::Exit(SKIPPED) {
        println!("{}", bare.stdout.trim_end());
        return Vec::new();
    }
    if bare.end != End::Exit(program.head.bare) {
        return vec![format!(
            "bare: {:?} instead of {}; {}{}",
            bare.end, program.head.bare, bare.stdout, bare.stderr
        )];
    }
    if std::env::var_os("FORKWATCH_TEST_BARE_ONLY").is_some() {
        return Vec::new();
    }
    let mut wrongs = Vec::new();
    let watched = watch(program, start, arguments, &[]);
    wrongs.extend(
        changes(&bare, &watched, program.head.maybe)
            .into_iter()
            .map(|wrong| format!("watched: {wrong}")),
    );
    match &watched.records {
        Ok(lines) => {
            let found = judge::wrongs(&program.head, arguments, lines);
            wrongs.extend(found.into_iter().map(|wrong| format!("watched: {wrong}")));
        }
        Err(error) => wrongs.push(format!("watched: {error}")),
    }
    wrongs.extend(
        text_wrongs(&watched)
            .into_iter()
            .map(|wrong| format!("watched: {wrong}")),
    );
    if !program.head.silent {
        let found = suppressed_wrongs(program, start, arguments, &bare);
        wrongs.extend(found.into_iter().map(|wrong| format!("suppressed: {wrong}")));
    }
    wrongs
}

/// What the library changed in the program's behaviour. A program `without_ways_out` learns that nothing can be written.
fn changes(bare: &Run, watched: &Watched, without_ways_out: bool) -> Vec<String> {
    let mut wrongs = Vec::new();
    if watched.run.end != bare.end {
        let (was, is) = (&bare.end, &watched.run.end);
        wrongs.push(format!(
            "ended by {is:?} instead of {was:?}; stderr: {}",
            watched.run.stderr
        ));
    }
    if watched.run.stdout != bare.stdout {
        wrongs.push(format!(
            "stdout is {:?} instead of {:?}",
            watched.run.stdout, bare.stdout
        ));
    }
    let complains = |line: &str| line.contains("forkwatch") && !(without_ways_out && line.contains(": cannot write "));
    if watched.run.stderr.lines().any(complains) && !bare.stderr.contains("forkwatch") {
        wrongs.push(format!("on stderr: {}", watched.run.stderr));
    }
    wrongs
}

/// What is wrong with the report for people.
fn text_wrongs(watched: &Watched) -> Vec<String> {
    let mut wrongs = Vec::new();
    for line in watched.text.lines().filter(|line| !line.starts_with("forkwatch: ")) {
        wrongs.push(format!("a line of the text does not begin with 'forkwatch: ': {line}"));
    }
    if watched.text.contains('\u{1b}') {
        wrongs.push("colour in a file".into());
    }
    // A summary has its own text, and the outcome of a child only completes another finding.
    let in_text = |line: &&Line| ![Kind::Summary, Kind::ForkOutcome].contains(&line.kind);
    let findings: Vec<_> = watched.records.iter().flatten().filter(in_text).collect();
    let is_first = |position: usize, line: &Line| {
        let fingerprint = |line: &Line| line.record.as_ref().map(|record| record.fingerprint.clone());
        let before = findings.iter().take(position);
        before.into_iter().all(|other| fingerprint(other) != fingerprint(line))
    };
    // A further record of a line that is known may say what the text has said.
    let in_text = findings
        .iter()
        .enumerate()
        .filter(|(position, line)| is_first(*position, line));
    for (_, line) in in_text {
        let reported = |text: &str| text.contains(line.severity.name()) && text.contains(line.kind.name());
        if !watched.text.lines().any(reported) {
            wrongs.push(format!(
                "no line of the text names {} and {}",
                line.severity.name(),
                line.kind.name()
            ));
        }
    }
    if findings.is_empty() && watched.records.is_ok() && !watched.text.is_empty() {
        wrongs.push(format!("text without a record: {}", watched.text));
    }
    wrongs
}

fn suppressed_wrongs(program: &Program, start: &Start, arguments: &[String], bare: &Run) -> Vec<String> {
    let folder = Folder::new(&program.name);
    let rules = folder.join("rules");
    fs::write(&rules, program.head.rules.join("\n")).expect("the rules can be written");
    let rules = rules.display().to_string();
    let watched = watch_in(
        &folder,
        program,
        start,
        arguments,
        &[("FORKWATCH_SUPPRESS", rules.as_str())],
    );
    let mut wrongs = changes(bare, &watched, program.head.maybe);
    match &watched.records {
        Ok(lines) => {
            let reported = lines.iter().filter(|line| line.kind != Kind::Summary);
            wrongs.extend(reported.map(|line| format!("reported all the same: {}", line.text)));
        }
        Err(error) => wrongs.push(error.clone()),
    }
    if !watched.text.is_empty() {
        wrongs.push(format!("reported in the text all the same: {}", watched.text));
    }
    wrongs
}
