//! What a program's head comment says, in lines that machines can read. Everything else there is for people.
//!
//! | line | meaning |
//! |---|---|
//! | `expect: silent` | no record at all |
//! | `expect: at-most WARN` | no record that is worse |
//! | `expect: KIND [SEVERITY] KEY=VALUE...` | such a record; all of this kind are expected, in this order among themselves |
//! | `with: KEY=VALUE...` | more of the same record; keys of one lock or one thread in one line belong together |
//! | `allow: KIND [SEVERITY]` | records of this kind may come too |
//! | `count: any` | there may be more records of the expected kinds, in any order |
//! | `records: maybe` | the expected records need not arrive |
//! | `suppress: RULE` | a line of the suppressed run's rules, `*:*` unless given |
//! | `runs: WORDS` | a run with these arguments; `{a,b}` makes several |
//! | `bare: N` | the exit code without the library, 3 for hazards and 0 for others unless given |
//! | `end: abrupt` | the program does not end by `exit`, so there may be no summary |
//! | `options: NAME=VALUE...` | the library's options, and other variables |
//! | `flags: WORDS` | more flags for the compiler |
//! | `library: FILE`, `plugin: FILE` | a library to link, or to find in `TEST_PLUGIN` |
//! | `needs: NAME` | a package that pkg-config must know |
//! | `packages: NAME` | a Python package |
//! | `processor: NAME` | the only processor that it is written for, as in `x86-64` |
//! | `python: LOW-HIGH` | the versions that show it |
//! | `interpreter-lock: WORDS` | the runs with such a first argument need a CPython with an interpreter lock |
//!
//! Keys of `unsafe_fork`: `function`, `fork` (a symbol of the stack), `python`, `locks`, `threads` (how many). Of a thread:
//! `thread`, `start`, `created`, `blocked` (a symbol of its stack), `thread_python`. Of a lock, in whichever record: `lock` (its kind, or
//! `python`), `owner`, `acquired`, `taken` (`FUNCTION:LINE` of Python code, or `nowhere`), `name`, `maker` (a symbol of where it was made, or `nowhere`),
//! `made_anew`, `waiters` (how many). Of a child's record: `call`, `in` (a symbol of its stack), `python`, `library`; `blocking=true|false`; `object`;
//! `parent_tids=N`, or `any` for one at least; `fd_type`; `waiter` (a thread of
//! the parent and a symbol of its stack); `phase`; `outcome`, `program`; and `same_fork=yes`, the record shares its
//! `fork_id` with an `unsafe_fork` of the run. A `fork_outcome` may come wherever an `unsafe_fork` may.
//!
//! `$1`, `$2` in an `expect` or `with` are replaced by the run's arguments; a value with blanks is in double quotes, and a
//! value may contain `*` for anything.

use std::path::Path;

use forkwatch_schema::kind::{Kind, Severity};

/// A demand on a record, one of its threads or one of its locks.
pub type Demand = (String, String);

/// An expected or allowed record.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Its kind.
    pub kind: Kind,
    /// How bad it must be; any, where none is given.
    pub severity: Option<Severity>,
    /// What it must hold; the demands of one group belong to one lock or thread.
    pub groups: Vec<Vec<Demand>>,
}

/// All that a head says.
#[derive(Debug, Default)]
pub struct Head {
    pub silent: bool,
    pub at_most: Option<Severity>,
    pub expected: Vec<Expectation>,
    pub allowed: Vec<Expectation>,
    pub any_count: bool,
    pub maybe: bool,
    pub rules: Vec<String>,
    pub runs: Vec<Vec<String>>,
    pub bare: i32,
    pub abrupt: bool,
    pub options: Vec<(String, String)>,
    pub flags: Vec<String>,
    pub library: Option<String>,
    pub plugin: Option<String>,
    pub needs: Option<String>,
    pub processor: Option<String>,
    pub packages: Option<String>,
    pub python: Option<String>,
    pub interpreter_lock: Vec<String>,
}

impl Head {
    /// Reads the head of a program; a head that demands nothing is a mistake.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let hazard = !name.starts_with("silent_") && !name.starts_with("robust_");
        let mut head = Self {
            bare: if hazard { 3 } else { 0 },
            ..Self::default()
        };
        for line in text.lines() {
            let line = line.trim();
            if !["#", "/", "*"].iter().any(|mark| line.starts_with(mark)) || line.starts_with("#include") {
                break;
            }
            let line = line
                .trim_start_matches(['#', '/', '*', '!', ' '])
                .trim_end_matches("*/")
                .trim();
            if let Some((word, rest)) = line.split_once(": ") {
                head.line(word, rest)
                    .unwrap_or_else(|error| panic!("{}: {line}: {error}", path.display()));
            }
        }
        let says_something = head.silent || head.at_most.is_some() || !head.expected.is_empty();
        assert!(says_something, "{} expects nothing", path.display());
        if head.runs.is_empty() {
            head.runs.push(Vec::new());
        }
        if head.rules.is_empty() {
            head.rules.push("*:*".into());
        }
        head
    }

    /// Whether a run with these arguments needs an interpreter with an interpreter lock.
    pub fn needs_lock(&self, arguments: &[String]) -> bool {
        arguments
            .first()
            .is_some_and(|first| self.interpreter_lock.contains(first))
    }

    fn line(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "expect" if rest == "silent" => self.silent = true,
            "expect" if rest.starts_with("at-most ") => {
                self.at_most = Some(Severity::parse(&rest["at-most ".len()..]).ok_or("no such severity")?);
            }
            "expect" => self.expected.push(Expectation::parse(rest)?),
            "with" => {
                let last = self.expected.last_mut().ok_or("nothing was expected before")?;
                last.groups.push(demands(&words(rest))?);
            }
            "allow" => self.allowed.push(Expectation::parse(rest)?),
            "count" => self.any_count = rest == "any",
            "records" => self.maybe = rest == "maybe",
            "suppress" => self.rules.push(rest.into()),
            "runs" => self.runs.extend(expand(rest)),
            "bare" => self.bare = rest.parse().map_err(|_| "no number")?,
            "end" => self.abrupt = rest == "abrupt",
            "options" => self.options.extend(demands(&words(rest))?),
            "flags" => self.flags.extend(words(rest)),
            "library" => self.library = Some(rest.into()),
            "plugin" => self.plugin = Some(rest.into()),
            "needs" => self.needs = Some(rest.into()),
            "processor" => self.processor = Some(rest.into()),
            "packages" => self.packages = Some(rest.into()),
            "python" => self.python = Some(rest.into()),
            "interpreter-lock" => self.interpreter_lock.extend(words(rest)),
            _ => {}
        }
        Ok(())
    }
}

impl Expectation {
    fn parse(text: &str) -> Result<Self, String> {
        let words = words(text);
        let kind = words.first().and_then(|word| Kind::parse(word)).ok_or("no such kind")?;
        let severity = words.get(1).and_then(|word| Severity::parse(word));
        let rest = if severity.is_some() { &words[2..] } else { &words[1..] };
        Ok(Self {
            kind,
            severity,
            groups: vec![demands(rest)?],
        })
    }

    /// The same with `$1`, `$2` replaced by a run's arguments.
    pub fn for_run(&self, arguments: &[String]) -> Self {
        let mut expectation = self.clone();
        for (_, value) in expectation.groups.iter_mut().flatten() {
            for (position, argument) in arguments.iter().enumerate() {
                *value = value.replace(&format!("${}", position + 1), argument);
            }
        }
        expectation
    }
}

/// Splits at blanks outside double quotes, and drops the quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("there is a first word").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn demands(words: &[String]) -> Result<Vec<Demand>, String> {
    let pair = |word: &String| {
        word.split_once('=')
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    words
        .iter()
        .map(|word| pair(word).ok_or(format!("'{word}' is no KEY=VALUE")))
        .collect()
}

/// `{a,b} c` gives `a c` and `b c`.
fn expand(text: &str) -> Vec<Vec<String>> {
    let mut lines = vec![Vec::new()];
    for word in text.split_whitespace() {
        let choices = word.trim_start_matches('{').trim_end_matches('}');
        let choices: Vec<_> = if word.starts_with('{') {
            choices.split(',').collect()
        } else {
            vec![word]
        };
        lines = lines
            .iter()
            .flat_map(|line: &Vec<String>| {
                choices
                    .iter()
                    .map(|choice| [&line[..], &[(*choice).to_owned()]].concat())
            })
            .collect();
    }
    lines
}
