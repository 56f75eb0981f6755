//! Whether the library can be loaded into a program, checked before it is started: the dynamic linker would only ignore the
//! preload, and an empty report would look like a clean one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::exit_codes::{NOT_EXECUTABLE, NOT_FOUND};
use crate::message::Failure;
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
}

impl Program {
    /// What its user calls it.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// Finds the program that these words name; the error says why it cannot be watched.
pub fn prepare(words: Vec<OsString>) -> Result<Program, Failure> {
    let path = target::find(words.first().map_or(OsStr::new(""), OsString::as_os_str))?;
    if check(&path)? {
        return Ok(Program { path, arguments: words });
    }
    // A text without `#!`: execvp(3) and every shell run it with /bin/sh.
    let shell = PathBuf::from("/bin/sh");
    check(&shell)?;
    let mut arguments = vec![OsString::from("sh"), path.into_os_string()];
    arguments.extend(words.into_iter().skip(1));
    Ok(Program { path: shell, arguments })
}

/// Checks a program, through its interpreter if it is a script; `false` for a script that names none.
fn check(path: &Path) -> Result<bool, Failure> {
    let mut path = path.to_owned();
    for _ in 0..=MAX_SCRIPTS {
        // A program that we may execute but not read cannot be checked; let it run.
        let Ok(mut file) = File::open(&path) else {
            return check_privileges(&path).map(|()| true);
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
            check_privileges(&path)?;
            return match elf::obstacle(&head, file) {
                Some(obstacle) => Err(refusal(&path, &obstacle.what, obstacle.way_out)),
                None => Ok(true),
            };
        }
        match script::interpreter(&head) {
            Some(interpreter) => path = follow(&path, interpreter)?,
            None if script::is_text(&head) => return Ok(false),
            None => {
                let sentence = format!("{} is neither a program for this system nor a script", path.display());
                return Err(Failure::new(NOT_EXECUTABLE, sentence));
            }
        }
    }
    Ok(true)
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

fn check_privileges(path: &Path) -> Result<(), Failure> {
    let raised = fs::metadata(path)
        .ok()
        .and_then(|metadata| privileges::raised(path, &metadata));
    match raised {
        Some(what) => Err(refusal(
            path,
            what,
            "the system preloads no library into it; run it as the user it would become, or watch a copy without \
             these rights",
        )),
        None => Ok(()),
    }
}

fn refusal(path: &Path, what: &str, way_out: &str) -> Failure {
    Failure::cannot(format!("{} cannot be watched: it is {what}; {way_out}", path.display()))
}
