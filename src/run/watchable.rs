//! Whether the library can be loaded into a program, checked before it is started: the dynamic linker would only ignore the
//! preload, and an empty report would look like a clean one.
//!
//! A program into which it cannot be loaded is refused, unless it is watched from outside (`--watch`).

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::exit_codes::{NOT_EXECUTABLE, NOT_FOUND};
use crate::message::Failure;
use crate::run::elf::{Obstacle, Preloaded};
use crate::run::{elf, privileges, script, target};

/// How many `#!` lines are followed; the kernel follows a few more, but nobody uses them.
const MAX_SCRIPTS: usize = 2;

/// A program that can be started: what is executed, and its arguments, its own name first.
#[derive(Debug)]
pub struct Program {
    /// The file given to execve(2).
    pub path: PathBuf,
    /// The arguments, never empty.
    pub arguments: Vec<OsString>,
    /// Why the library cannot be loaded into it; `None` where it can.
    pub unwatchable: Option<Unwatchable>,
}

/// Why the library cannot be loaded into a program.
#[derive(Debug)]
pub struct Unwatchable {
    /// The program's file, or its interpreter's.
    file: PathBuf,
    obstacle: Obstacle,
}

impl Unwatchable {
    /// Why the program is not run.
    pub fn refusal(&self) -> Failure {
        let Obstacle { what, way_out, .. } = &self.obstacle;
        let file = self.file.display();
        Failure::cannot(format!("{file} cannot be watched: it is {what}; {way_out}"))
    }

    /// What is seen of the program all the same, if it is watched from outside.
    pub fn note(&self) -> Failure {
        let others = match self.obstacle.preloaded {
            Preloaded::Ignores => "; the programs that it starts are watched as usual",
            Preloaded::Breaks => "",
        };
        let (file, what) = (self.file.display(), &self.obstacle.what);
        Failure::cannot(format!(
            "{file} is {what}, so it is only watched from outside: forked children that hang are reported, but no unsafe \
             forks{others}"
        ))
    }

    /// Whether it runs with the library preloaded.
    pub fn may_be_preloaded(&self) -> bool {
        self.obstacle.preloaded == Preloaded::Ignores
    }
}

impl Program {
    /// What its user calls it.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// Finds the program that these words name; an error if it cannot be started.
pub fn prepare(words: Vec<OsString>) -> Result<Program, Failure> {
    let path = target::find(words.first().map_or(OsStr::new(""), OsString::as_os_str))?;
    if let Kind::Program(unwatchable) = check(&path)? {
        return Ok(Program {
            path,
            arguments: words,
            unwatchable,
        });
    }
    // A text without `#!`: execvp(3) and every shell run it with /bin/sh.
    let shell = PathBuf::from("/bin/sh");
    let Kind::Program(unwatchable) = check(&shell)? else {
        let sentence = format!("{} is no program", shell.display());
        return Err(Failure::new(NOT_EXECUTABLE, sentence));
    };
    let mut arguments = vec![OsString::from("sh"), path.into_os_string()];
    arguments.extend(words.into_iter().skip(1));
    Ok(Program {
        path: shell,
        arguments,
        unwatchable,
    })
}

/// What a file is that can be executed.
enum Kind {
    /// A program, or a script that names one, and why the library cannot be loaded into that.
    Program(Option<Unwatchable>),
    /// A script that names none.
    Text,
}

/// Checks a program, through its interpreter if it is a script.
fn check(path: &Path) -> Result<Kind, Failure> {
    let mut path = path.to_owned();
    for _ in 0..=MAX_SCRIPTS {
        // A program that we may execute but not read cannot be checked; let it run.
        let Ok(mut file) = File::open(&path) else {
            return Ok(Kind::Program(raised(path)));
        };
        let mut head = Vec::new();
        let read = (&mut file).take(script::HEAD as u64).read_to_end(&mut head);
        read.map_err(|error| Failure::new(NOT_EXECUTABLE, format!("{} cannot be read: {error}", path.display())))?;
        if elf::is_elf(&head) {
            if elf::is_broken(&head, &file) {
                let sentence = format!(
                    "{} cannot be started: its ELF header is damaged, or it was never linked",
                    path.display()
                );
                return Err(Failure::new(NOT_EXECUTABLE, sentence));
            }
            let obstacle = || elf::obstacle(&head, file);
            let of_file = || {
                Some(Unwatchable {
                    obstacle: obstacle()?,
                    file: path.clone(),
                })
            };
            return Ok(Kind::Program(raised(path.clone()).or_else(of_file)));
        }
        match script::interpreter(&head) {
            Some(interpreter) => path = follow(&path, interpreter)?,
            None if script::is_text(&head) => return Ok(Kind::Text),
            None => {
                let sentence = format!("{} is neither a program for this system nor a script", path.display());
                return Err(Failure::new(NOT_EXECUTABLE, sentence));
            }
        }
    }
    Ok(Kind::Program(None))
}

/// The program that a script's first line finally starts.
fn follow(script: &Path, interpreter: script::Interpreter) -> Result<PathBuf, Failure> {
    let missing = |name: &OsStr| {
        let shown = name.display();
        let script = script.display();
        Failure::new(
            NOT_FOUND,
            format!("{script} needs {shown}, which was not found; install it or correct the `#!` line"),
        )
    };
    match fs::metadata(&interpreter.path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(interpreter.path.as_os_str())),
        _ => {}
    }
    let Some(name) = interpreter.by_env else {
        return Ok(interpreter.path);
    };
    target::find(&name).map_err(|failure| {
        if failure.code == NOT_FOUND {
            missing(&name)
        } else {
            failure
        }
    })
}

/// Whether this program gets rights that its caller does not have.
fn raised(file: PathBuf) -> Option<Unwatchable> {
    let metadata = fs::metadata(&file).ok()?;
    let what = privileges::raised(&file, &metadata)?;
    let obstacle = Obstacle::new(
        what,
        "the system preloads no library into it; run it as the user it would become, watch a copy without these rights, or \
         see with --watch which of its forked children hang",
    );
    Some(Unwatchable { file, obstacle })
}
