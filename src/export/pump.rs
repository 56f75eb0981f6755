//! The records on their way: batches of limited size, each handed over before the next, and the positions behind it saved then.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::deliver::{Delivery, Undelivered};
use super::format::Exporter;
use super::item::Item;
use super::options::Options;
use super::positions::Positions;
use super::source::mark::{LogName, Mark};
use super::source::{Line, Message};
use super::stop::Stop;
use super::tally::Tally;
use crate::message::Failure;

/// The text of the records in a batch: receivers limit the size of a request, often to a few megabytes.
const BATCH_BYTES: usize = 1 << 20;

/// How long a record waits for others.
const GATHERING: Duration = Duration::from_secs(1);

/// A batch that is being gathered.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
    /// Where each log goes on behind it, in the order of the lines.
    marks: Vec<(Arc<LogName>, Mark)>,
    /// When it must be sent.
    due: Option<Instant>,
}

/// From messages to the receiver, or to standard output.
pub struct Pump<'export> {
    exporter: Box<dyn Exporter>,
    positions: Option<Positions>,
    /// `None` for standard output.
    delivery: Option<Delivery<'export>>,
    stop: &'export Stop,
    together: usize,
    batch: Batch,
    result: Result<(), Undelivered>,
    /// Nobody reads standard output any more.
    is_unread: bool,
    /// The user wants the end.
    is_stopped: bool,
}

impl<'export> Pump<'export> {
    /// Nothing has been read yet.
    pub fn new(
        options: &'export Options,
        exporter: Box<dyn Exporter>,
        positions: Option<Positions>,
        stop: &'export Stop,
    ) -> Self {
        let delivery = options.receiver.as_deref().map(|receiver| Delivery {
            patience: options.patience,
            stop,
            receiver,
        });
        Self {
            exporter,
            positions,
            delivery,
            stop,
            together: options.together,
            batch: Batch::default(),
            result: Ok(()),
            is_unread: false,
            is_stopped: false,
        }
    }

    /// Sends everything. Returns whether that was all.
    pub fn run(&mut self, messages: &Receiver<Message>, tally: &mut Tally) -> Result<bool, Failure> {
        if self.exporter.is_sum() {
            self.deliver(Vec::new(), tally)?;
        }
        while !self.is_over() {
            let message = match self.batch.due {
                Some(due) => match messages.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => {
                        self.send(tally)?;
                        continue;
                    }
                    other => other.ok(),
                },
                None => messages.recv().ok(),
            };
            match message {
                Some(Message::Lines(log, lines)) => {
                    for line in lines {
                        self.line(&log, line, tally)?;
                        if self.is_over() {
                            break;
                        }
                    }
                }
                Some(Message::ReadBefore(log, mark)) => {
                    tally.before += mark.line;
                    self.batch.marks.push((log, mark));
                }
                Some(Message::Gone(log)) => {
                    if let Some(positions) = &mut self.positions {
                        positions.forget(&log);
                    }
                }
                Some(Message::Unfinished(logs)) => tally.unfinished += logs,
                Some(Message::Problem(problem)) => tally.problem(&problem),
                Some(Message::End) => return Ok(true),
                Some(Message::Failed) => return Err(Failure::cannot("the records could not be read to their end")),
                Some(Message::Stop) | None => self.is_stopped = true,
            }
        }
        Ok(self.is_unread)
    }

    fn is_over(&self) -> bool {
        self.result.is_err() || self.is_unread || self.is_stopped
    }

    fn line(&mut self, log: &Arc<LogName>, line: Line, tally: &mut Tally) -> Result<(), Failure> {
        self.batch.mark(log, line.mark());
        match line {
            Line::Record(item) => {
                self.batch.bytes += item.line.len();
                self.batch.items.push(*item);
            }
            Line::LeftOut(_) => tally.left_out += 1,
            Line::Broken(why, mark) => tally.broken_line(log, mark.line, &why),
            Line::Empty(_) => {}
        }
        self.batch.due.get_or_insert_with(|| Instant::now() + GATHERING);
        if self.batch.items.len() >= self.together || self.batch.bytes >= BATCH_BYTES {
            self.send(tally)?;
            self.is_stopped = self.stop.is_asked_for();
        }
        Ok(())
    }

    /// Sends what is left, once if the user wants the end, and ends the output.
    pub fn finish(&mut self, tally: &mut Tally) -> Result<Result<(), Undelivered>, Failure> {
        if self.result.is_ok() && !self.is_unread {
            self.send(tally)?;
        }
        if self.delivery.is_none() && !self.is_unread {
            print(|out| self.exporter.end(out))?;
        }
        Ok(self.result.clone())
    }

    /// Hands over the batch, and saves the positions behind it.
    fn send(&mut self, tally: &mut Tally) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        if batch.items.is_empty() && batch.marks.is_empty() {
            return Ok(());
        }
        if !batch.items.is_empty() {
            self.deliver(batch.items, tally)?;
        }
        if self.result.is_err() {
            return Ok(());
        }
        if let Some(positions) = &mut self.positions {
            for (log, mark) in &batch.marks {
                positions.note(log, *mark);
            }
            positions.sums = self.exporter.sums();
            positions.save()?;
        }
        Ok(())
    }

    fn deliver(&mut self, items: Vec<Item>, tally: &mut Tally) -> Result<(), Failure> {
        let Some(delivery) = &self.delivery else {
            self.exporter.take(&items);
            self.is_unread = !print(|out| self.exporter.print(&items, out))?;
            tally.exported += items.len() as u64;
            return Ok(());
        };
        let records = items.len() as u64;
        self.result = delivery.deliver(&mut *self.exporter, items, tally);
        if self.result.is_err() {
            tally.unsent += records;
        }
        Ok(())
    }
}

impl Batch {
    /// Notes where a log goes on.
    fn mark(&mut self, log: &Arc<LogName>, mark: Mark) {
        match self.marks.last_mut() {
            Some((last, place)) if Arc::ptr_eq(last, log) => *place = mark,
            _ => self.marks.push((Arc::clone(log), mark)),
        }
    }
}

/// Writes to standard output. Returns whether somebody reads it.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::cannot(format!("standard output cannot be written: {error}"))),
    }
}
