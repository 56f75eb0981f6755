//! `forkwatch inspect PID`: whether a running process looks like a stuck forked child.
//!
//! | question | file |
//! |---|---|
//! | what are the facts? | `facts` |
//! | is it stuck? | `verdict` |
//! | what is Python code doing, and for which lock does it wait? | `python` finds it |
//! | what is printed, the Python stack too? | `page` |
//! | which privilege is missing? | `rights` |

mod facts;
mod page;
mod python;
mod rights;
mod verdict;

use clap::ArgMatches;

use crate::exit_codes::OK;
use crate::message::{Failure, print};
use crate::proc::Process;

use facts::Facts;
use verdict::Verdict;

/// Inspects the process and prints the verdict.
pub fn inspect(matches: &ArgMatches) -> Result<u8, Failure> {
    let given = matches.get_one::<String>("pid").map_or("", String::as_str);
    let process = match given.parse() {
        Ok(pid) if pid > 0 => Process(pid),
        _ => {
            return Err(Failure::usage(format!(
                "invalid process id {given:?}; give a number, as shown by `ps` or `pgrep`"
            )));
        }
    };
    let facts = Facts::gather(process)?;
    let verdict = Verdict::of(&facts);
    print(page::render(&facts, &verdict).as_bytes())?;
    // What could be read is printed; the error says what could not be read, and which privilege is missing.
    match (&verdict, &facts.call) {
        (Verdict::Unknown, Err(error)) => Err(rights::missing(process, &facts.status, error)),
        _ => Ok(OK),
    }
}
