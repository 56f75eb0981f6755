//! From paths to records, in order, with the place behind each of them.
//!
//! | question | file |
//! |---|---|
//! | what is said of a log and a place in it? | `mark` |
//! | what was read of which log, whatever its name is now? | `known` |
//! | what is in the lines of one log? | `lines` |
//! | where does one log go on, and which are open? | `log`, `logs` |
//! | which logs are there, and what is new in them? | `reader` |
//! | when is there something new? | `wake` |

pub mod known;
mod lines;
mod log;
mod logs;
pub mod mark;
pub mod reader;
mod wake;

use std::sync::Arc;

use self::mark::{LogName, Mark};
use super::item::Item;

/// Text in one message: what waits between reader and sender is limited by this, times [`MOST_WAITING`], and by the longest line.
const BLOCK_BYTES: usize = 64 * 1024;

/// Messages that wait between reader and sender; the reader waits while there are more.
pub const MOST_WAITING: usize = 8;

/// What the reader says.
#[derive(Debug)]
pub enum Message {
    /// Lines of one log, one after the other.
    Lines(Arc<LogName>, Vec<Line>),
    /// A log goes on at a place up to which it was read in an earlier run, or in another file.
    ReadBefore(Arc<LogName>, Mark),
    /// A log is gone.
    Gone(Arc<LogName>),
    /// Logs that end in the middle of a line.
    Unfinished(u64),
    /// An input that cannot be read, in a sentence.
    Problem(String),
    /// All is read.
    End,
    /// The reader has failed.
    Failed,
    /// The user wants the end.
    Stop,
}

/// A line, and the place behind it.
#[derive(Debug)]
pub enum Line {
    /// A record.
    Record(Box<Item>),
    /// A record that was not selected.
    LeftOut(Mark),
    /// No record: why not.
    Broken(String, Mark),
    /// Nothing.
    Empty(Mark),
}

impl Line {
    /// The place behind it.
    pub const fn mark(&self) -> Mark {
        match self {
            Self::Record(item) => item.mark,
            Self::LeftOut(mark) | Self::Broken(_, mark) | Self::Empty(mark) => *mark,
        }
    }
}
