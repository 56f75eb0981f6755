//! `forkwatch export`: from records to other people's formats and receivers.
//!
//! | question | file |
//! |---|---|
//! | which options are there? | `flags`; `options` reads them |
//! | which records are there, and where does a log go on? | `source`, in a thread of its own |
//! | which of them are wanted, what do they say, and by what are they known? | `select`, `item`, `id` |
//! | which of them go together, and when is a batch done? | `pump` |
//! | how is a batch handed over? | `deliver`, with `http` and `backoff`; what came of it: `attempt` |
//! | what was acknowledged, and what became of it all? | `positions`, with `whole_file`; `tally` |
//! | what ends it? | `stop` |
//! | how does it look? | `format`, one file and one row each |
//!
//! Data flows one way: lines, items, batches, the receiver, and then the positions.

mod attempt;
mod backoff;
mod deliver;
mod flags;
mod format;
mod http;
mod id;
mod item;
mod options;
mod positions;
mod pump;
mod select;
mod source;
mod stop;
mod tally;
mod whole_file;

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use clap::ArgMatches;

use self::deliver::Undelivered;
pub use self::flags::command;
use self::options::Options;
use self::positions::Positions;
use self::pump::Pump;
use self::select::Selection;
use self::source::known::Known;
use self::source::reader::Reader;
use self::source::{MOST_WAITING, Message};
use self::stop::Stop;
use self::tally::Tally;
use crate::exit_codes;
use crate::message::Failure;

/// Reads, converts and sends.
pub fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::new(matches)?;
    let selection = Selection::new(matches, options.format.least)?;
    let mut exporter = options.exporter()?;
    let positions = options.positions.as_deref();
    let positions = positions
        .map(|path| Positions::open(path, &options.purpose))
        .transpose()?;
    if let Some(positions) = &positions {
        let go_on = exporter.go_on(&positions.sums);
        go_on.map_err(|why| positions.damaged(&why))?;
    }
    let failed = |error: std::io::Error| Failure::cannot(format!("signals cannot be received: {error}"));
    let stop = Stop::new().map_err(failed)?;
    // What prints once may end at any time.
    if options.to.is_some() || options.follows {
        stop.on_signals().map_err(failed)?;
    }
    let (out, messages) = sync_channel(MOST_WAITING);
    let reader = Reader {
        paths: matches
            .get_many::<OsString>("path")
            .expect("clap asks for a path")
            .cloned()
            .collect(),
        selection: Arc::new(selection),
        known: match &positions {
            Some(positions) => Some(positions.known()),
            // A log that is renamed while it is followed must not be sent again.
            None => options.follows.then(Known::default),
        },
        follows: options.follows,
        own: options.positions.clone(),
        stop: stop.clone(),
        out: out.clone(),
    };
    // Neither is waited for: a reader may wait for ever for a pipe.
    let _reader = thread::spawn(|| reader.run());
    let end = stop.clone();
    let _signals = thread::spawn(move || {
        end.wait_for(None, None);
        let _is_over = out.send(Message::Stop);
    });
    let mut tally = Tally::default();
    let mut pump = Pump::new(&options, exporter, positions, &stop);
    let is_all = pump.run(&messages, &mut tally)?;
    let result = pump.finish(&mut tally)?;
    let hint = options.hint(matches);
    let shown = options.positions.as_ref().map(|path| path.display().to_string());
    tally.end(options.receiver.as_deref(), shown.as_deref(), hint);
    finished(&options, &tally, is_all, result)
}

fn finished(options: &Options, tally: &Tally, is_all: bool, result: Result<(), Undelivered>) -> Result<u8, Failure> {
    let receiver = options.receiver.as_deref().unwrap_or("standard output");
    let goes_on = match &options.positions {
        Some(_) => "the next export goes on behind what it has acknowledged",
        None => "the next export sends everything again",
    };
    match result {
        Err(Undelivered::Failed(why)) => Err(Failure::cannot(format!(
            "{receiver} does not take the records: {why}; {goes_on}"
        ))),
        Err(Undelivered::Stopped) | Ok(()) if !is_all && !options.follows => {
            Err(Failure::cannot(format!("stopped by a signal; {goes_on}")))
        }
        _ if tally.rejected > 0 => Ok(exit_codes::CANNOT_WATCH),
        _ if tally.problems > 0 => Ok(exit_codes::USAGE),
        _ => Ok(exit_codes::OK),
    }
}
