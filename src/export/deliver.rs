//! Hands a batch to the receiver: again after a while where the receiver asks for patience, in parts where it does not want the
//! whole.

use std::time::Duration;

use forkwatch_text::harmless::harmless;

use super::attempt::Attempt;
use super::backoff::Backoff;
use super::format::Exporter;
use super::item::Item;
use super::stop::{Stop, Woken};
use super::tally::Tally;
use crate::message::{Failure, say};

/// A receiver that is away for longer is mentioned.
const MENTIONED: Duration = Duration::from_secs(5);

/// Why a batch was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The receiver wants nothing, or has been away for too long.
    Failed(String),
    /// The user wants the end.
    Stopped,
}

/// How to deliver.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'export> {
    /// How long to try for one batch; `None` for as long as it takes.
    pub patience: Option<Duration>,
    /// Ends the waits.
    pub stop: &'export Stop,
    /// What the receiver is called.
    pub receiver: &'export str,
}

impl Delivery<'_> {
    /// Delivers a batch, and counts what became of its records.
    pub fn deliver(&self, exporter: &mut dyn Exporter, items: Vec<Item>, tally: &mut Tally) -> Result<(), Undelivered> {
        exporter.take(&items);
        let mut rejected = Vec::new();
        let (whole, mut known) = (items.len() as u64, 0);
        let mut parts = vec![items];
        while let Some(mut part) = parts.pop() {
            match self.part(exporter, &mut part, &mut rejected)? {
                Ok(already) => known += already,
                Err(why) if part.len() == 1 => rejected.push((1, describe(&part[0]), why)),
                Err(_) => {
                    let rest = part.split_off(part.len() / 2);
                    parts.push(rest);
                    parts.push(part);
                }
            }
        }
        let lost: u64 = rejected.iter().map(|(records, ..)| records).sum();
        let exported = whole.saturating_sub(known + lost);
        // A wrong address looks like this. So that nothing is lost by it, the batch counts as not sent.
        let is_wanted = exported + known + tally.exported + tally.known > 0;
        if let Some((_, _, why)) = rejected.first().filter(|_| !is_wanted) {
            return Err(Undelivered::Failed(format!("it takes no record: {why}")));
        }
        for (records, what, why) in rejected {
            tally.rejected(records, &what, &why);
        }
        tally.exported += exported;
        tally.known += known;
        Ok(())
    }

    /// Sends a part until the receiver has dealt with it, and returns how many of its records were there already. The inner error is
    /// why the receiver does not want the part.
    fn part(
        &self,
        exporter: &mut dyn Exporter,
        part: &mut Vec<Item>,
        rejected: &mut Vec<(u64, String, String)>,
    ) -> Result<Result<u64, String>, Undelivered> {
        let mut backoff = Backoff::new(self.patience);
        let mut waited = Duration::ZERO;
        let (mut known, mut is_mentioned) = (0, false);
        loop {
            let (why, asked) = match exporter.send(part) {
                Attempt::Answered(answer) => {
                    known += answer.known;
                    for (records, position, why) in answer.rejected {
                        let what = position.and_then(|position| part.get(position)).map(describe);
                        rejected.push((records, what.unwrap_or_else(|| of_batch(records, part.len())), why));
                    }
                    if answer.again.is_empty() {
                        return Ok(Ok(known));
                    }
                    let mut again = answer.again.iter().peekable();
                    let mut position = 0;
                    let is_again = |_: &mut Item| {
                        let is_named = again.next_if(|next| **next == position).is_some();
                        position += 1;
                        is_named
                    };
                    *part = part.extract_if(.., is_again).collect();
                    (answer.why, None)
                }
                Attempt::Later(why, asked) => (why, asked),
                Attempt::Unfit(why) => return Ok(Err(why)),
                Attempt::Refused(why) => return Err(Undelivered::Failed(why)),
            };
            let Some(wait) = backoff.next(asked) else {
                return Err(Undelivered::Failed(why));
            };
            waited += wait;
            if waited > MENTIONED && !is_mentioned {
                is_mentioned = true;
                say(&Failure::usage(harmless(&format!(
                    "{} takes no records for the time being: {why}; trying again",
                    self.receiver
                ))));
            }
            if self.stop.wait(wait) == Woken::Stop {
                return Err(Undelivered::Stopped);
            }
        }
    }
}

/// How a record is told apart from others in a sentence.
fn describe(item: &Item) -> String {
    let (kind, time) = (item.text("kind"), item.text("time"));
    format!("the {kind} of {time} (line {})", item.mark.line)
}

fn of_batch(records: u64, all: usize) -> String {
    format!("{records} of {all} records")
}
