//! The lines of one log, passed on in messages of limited size.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::mark::{LogName, Mark};
use super::{BLOCK_BYTES, Line, Message};
use crate::export::id::Id;
use crate::export::item::Item;
use crate::export::select::Selection;
use crate::report::read::Lines;

/// Receives the lines of a log from [`crate::report::read`].
pub struct Collector<'reader> {
    selection: &'reader Selection,
    out: &'reader SyncSender<Message>,
    log: Arc<LogName>,
    /// The bytes of the log before the first line received.
    base: u64,
    /// The bytes before the last line that was passed on, and that line.
    passed: u64,
    lines: Vec<Line>,
    bytes: usize,
    /// The place behind what was received.
    pub mark: Mark,
    /// Whether the log ends in the middle of a line.
    pub is_unfinished: bool,
    /// Whether nobody receives the messages any more.
    pub is_alone: bool,
}

impl<'reader> Collector<'reader> {
    /// For a log that goes on at `mark`.
    pub fn new(
        selection: &'reader Selection,
        out: &'reader SyncSender<Message>,
        log: Arc<LogName>,
        mark: Mark,
    ) -> Self {
        Self {
            selection,
            out,
            log,
            base: mark.end,
            passed: mark.end,
            lines: Vec::new(),
            bytes: 0,
            mark,
            is_unfinished: false,
            is_alone: false,
        }
    }

    /// Passes on what was received.
    pub fn pass_on(&mut self) {
        // Empty lines say nothing, but the log was read beyond them.
        if self.lines.last().map(Line::mark) != Some(self.mark) && self.mark.end > self.passed {
            self.lines.push(Line::Empty(self.mark));
        }
        if !self.lines.is_empty() && !self.is_alone {
            let message = Message::Lines(Arc::clone(&self.log), std::mem::take(&mut self.lines));
            self.is_alone = self.out.send(message).is_err();
        }
        self.bytes = 0;
        self.passed = self.mark.end;
    }

    fn push(&mut self, line: Line, bytes: usize) {
        self.lines.push(line);
        self.bytes += bytes;
        if self.bytes >= BLOCK_BYTES {
            self.pass_on();
        }
    }
}

impl Lines for Collector<'_> {
    fn line(&mut self, line: &[u8], offset: u64, is_last: bool) {
        if self.is_alone {
            return;
        }
        let at = self.base + offset;
        // Some editors write a byte order mark before the first line.
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
        let last_at = at + (line.len() - text.len()) as u64;
        let text = text.trim_ascii_end();
        let mut mark = Mark {
            end: at + line.len() as u64 + u64::from(!is_last),
            line: self.mark.line + 1,
            ..self.mark
        };
        if text.is_empty() {
            // Without its end, it may become anything.
            if !is_last {
                self.mark = mark;
            }
            return;
        }
        let id = Id::of(text);
        (mark.last_at, mark.last_bytes, mark.last) = (last_at, text.len() as u64, id);
        let parsed = match str::from_utf8(text) {
            Ok(_) => Item::parse(text, id, mark),
            Err(_) => Err("not UTF-8".to_owned()),
        };
        let line = match parsed {
            Ok(item) if self.selection.takes(&item) => Line::Record(Box::new(item)),
            Ok(_) => Line::LeftOut(mark),
            // Its writer may be in the middle of it.
            Err(_) if is_last => {
                self.is_unfinished = true;
                return;
            }
            Err(why) => Line::Broken(why, mark),
        };
        self.mark = mark;
        self.push(line, text.len());
    }

    fn block_ends(&mut self) {
        self.pass_on();
    }

    fn too_long(&mut self) {
        if !self.is_alone {
            // The next line says where it ends.
            self.mark.line += 1;
            self.push(Line::Broken("too long for a record".to_owned(), self.mark), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use forkwatch_schema::kind::Severity;

    use super::{Collector, Line, LogName, Mark, Message};
    use crate::export::flags::command;
    use crate::export::item::tests::{fork, outcome};
    use crate::export::select::Selection;
    use crate::report::read::stream;

    #[test]
    fn every_line_has_the_place_behind_it() {
        let matches = command().get_matches_from(["export", "--format", "ecs", "x"]);
        let selection = Selection::new(&matches, Severity::Warn).unwrap();
        let (out, messages) = sync_channel(8);
        let log = Arc::new(LogName {
            path: "log".into(),
            identity: None,
        });
        let (one, other) = (fork(1).line, outcome().line);
        let head = [&b"\xef\xbb\xbf "[..], &one, b"\r\n\n{broken\n"].concat();
        let content = [&head[..], &other, b"\n\n", &one[..40]].concat();
        let start = Mark {
            end: 1000,
            line: 10,
            ..Mark::default()
        };
        let mut collector = Collector::new(&selection, &out, log, start);
        stream::lines(&content[..], &mut collector, |_| ()).unwrap();
        collector.pass_on();
        assert!(collector.is_unfinished);
        assert_eq!(collector.mark.end, 1000 + (content.len() - 40) as u64);
        drop(out);
        let lines: Vec<Line> = messages
            .iter()
            .flat_map(|message| match message {
                Message::Lines(_, lines) => lines,
                other => panic!("{other:?}"),
            })
            .collect();
        let [
            Line::Record(item),
            Line::Broken(why, broken),
            Line::LeftOut(left_out),
            Line::Empty(empty),
        ] = &lines[..]
        else {
            panic!("{lines:?}")
        };
        assert_eq!(
            (item.mark.line, item.mark.last_at, item.mark.last_bytes),
            (11, 1004, one.len() as u64)
        );
        assert_eq!(item.mark.end, 1000 + 4 + one.len() as u64 + 2);
        assert!(why.starts_with("not JSON") && broken.line == 13, "{why}");
        assert_eq!(
            (left_out.end, left_out.line),
            (1000 + (head.len() + other.len() + 1) as u64, 14)
        );
        assert_eq!((empty.end, empty.line), (left_out.end + 1, 15));
    }
}
