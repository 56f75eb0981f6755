//! A record on its way out: its line, its fields, and the id by which receivers can tell a repeated record.

use std::fmt::Write;

use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::path::base_name;
use serde_json::{Map, Value};

use super::id::Id;
use super::source::mark::Mark;
use crate::report::read::head::{Time, by_position};
use crate::report::read::parsed::parse;

/// One record.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line as it was read, without spaces around it.
    pub line: Vec<u8>,
    /// Its fields.
    pub fields: Map<String, Value>,
    /// The same for the same line, wherever and however often it is read.
    pub id: Id,
    /// When the record was written, in nanoseconds since 1970; 0 where it does not say.
    pub time: Time,
    /// How bad it is.
    pub severity: Severity,
    /// Where its input goes on behind it.
    pub mark: Mark,
}

impl Item {
    /// Reads a line without spaces around it. The error says in a few words what is wrong with it.
    pub fn parse(line: &[u8], id: Id, mark: Mark) -> Result<Self, String> {
        let (time, severity) = match by_position(line) {
            Some(head) => (head.time, head.severity),
            None => {
                let parsed = parse(line)?;
                let head = parsed.head();
                (head.time, head.severity)
            }
        };
        // Stricter than grouping is: a text that is no Unicode could not be sent.
        let fields = serde_json::from_slice(line).map_err(|error| format!("not JSON ({error})"))?;
        Ok(Self {
            line: line.to_vec(),
            fields,
            id,
            time,
            severity,
            mark,
        })
    }

    /// A field that is a text; empty where it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that is a text and says something.
    pub fn said(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name).and_then(Value::as_i64)
    }

    /// The name of the program.
    pub fn program(&self) -> &str {
        base_name(self.text("exe"))
    }

    /// Whether it is a finding, and not a fork's outcome or a process's counts.
    pub fn is_finding(&self) -> bool {
        !matches!(Kind::parse(self.text("kind")), Some(Kind::Summary | Kind::ForkOutcome))
    }

    /// The place that it is about: the object that has its stacks.
    fn place(&self) -> Option<&Map<String, Value>> {
        ["fork", "waits"]
            .iter()
            .find_map(|name| self.fields.get(*name)?.as_object())
            .or_else(|| self.fields.contains_key("stack").then_some(&self.fields))
    }

    /// The native stack of the place that it is about, innermost frame first; empty where it has none.
    pub fn stack(&self) -> &[Value] {
        let of_place = self.place().map(|place| frames(place.get("stack")));
        // A leaked lock has the place where it was taken.
        of_place.unwrap_or_else(|| frames(self.fields.get("lock").and_then(|lock| lock.get("acquired_stack"))))
    }

    /// The Python stack of that place; empty where no Python code runs.
    pub fn python_stack(&self) -> &[Value] {
        self.place().map_or(&[], |place| frames(place.get("python_stack")))
    }

    /// Both stacks, a line for each frame, Python's first; empty where the record has none.
    pub fn stack_trace(&self) -> String {
        let mut text = String::new();
        for frame in self.python_stack() {
            let (file, line) = (frame_text(frame, "file"), frame["line"].as_u64().unwrap_or(0));
            let _infallible = writeln!(text, "{} ({file}:{line})", frame_text(frame, "function"));
        }
        for frame in self.stack() {
            let module = base_name(frame_text(frame, "module"));
            let symbol = Some(frame_text(frame, "symbol")).filter(|symbol| !symbol.is_empty());
            text += symbol.unwrap_or_else(|| frame_text(frame, "ip"));
            let _infallible = match (frame["file"].as_str(), frame["line"].as_u64()) {
                (Some(file), Some(line)) => writeln!(text, " ({file}:{line})"),
                _ if module.is_empty() => writeln!(text),
                _ => writeln!(text, " ({module}+{})", frame_text(frame, "offset")),
            };
        }
        text
    }
}

/// A list of frames, where the record has one.
pub fn frames(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text in a frame; empty where it is not known.
pub fn frame_text<'frame>(frame: &'frame Value, name: &str) -> &'frame str {
    frame[name].as_str().unwrap_or_default()
}

#[cfg(test)]
pub mod tests {
    use super::{Id, Item};
    use crate::export::source::mark::Mark;

    /// A fork with a native and a Python stack, by a program of this id.
    pub fn fork(pid: u32) -> Item {
        let line = format!(
            r#"{{"time":"2026-11-21T03:12:45.123456789Z","severity":"ERROR","schema":"forkwatch/1","kind":"unsafe_fork","fingerprint":"0123456789abcdef","message":"fork() beside 1 thread","host":"node-7","pid":{pid},"ppid":1,"tid":{pid},"thread":"main","exe":"/srv/shop/bin/shop","argv":["shop","--all"],"service":"checkout","context":null,"fork_id":"{pid}-1-2","fork":{{"function":"fork","child_pid":50,"exec_bound":false,"stack":[{{"ip":"0x401234","module":"/srv/shop/bin/shop","offset":"0x1234","build_id":"0123456789abcdef0123456789abcdef01234567","symbol":"spawn","file":"/src/shop.c","line":7}},{{"ip":"0x7f0000000100","module":"/lib/libc.so.6","offset":"0x100","build_id":null,"symbol":null,"file":null,"line":null}}],"python_stack":[{{"file":"/srv/app.py","line":3,"function":"start"}}]}},"threads":[{{"tid":43,"name":"keeper","start_routine":"keep","created_stack":null,"stack":null,"python_stack":null,"waiting":null}}],"locks":[],"advice":["fork before"]}}"#
        );
        item(&line)
    }

    /// What became of a fork: not a finding.
    pub fn outcome() -> Item {
        item(
            r#"{"time":"2026-11-21T03:12:46.000000000Z","severity":"INFO","schema":"forkwatch/1","kind":"fork_outcome","fingerprint":"00000000000000aa","message":"exec","host":"node-7","pid":50,"ppid":42,"tid":50,"thread":"main","exe":"/srv/shop/bin/shop","argv":null,"service":"checkout","context":null,"fork_id":"42-1-2","child_pid":50,"outcome":"exec","program":"/bin/true"}"#,
        )
    }

    /// A record of this line.
    pub fn item(line: &str) -> Item {
        Item::parse(line.as_bytes(), Id::of(line.as_bytes()), Mark::default()).unwrap()
    }

    #[test]
    fn a_record_keeps_its_line_and_has_an_id_of_its_own() {
        let (one, again, other) = (fork(42), fork(42), fork(43));
        assert!(one.id == again.id && one.id != other.id);
        assert_eq!(
            (one.program(), one.number("pid"), one.said("context")),
            ("shop", Some(42), None)
        );
        assert!(one.is_finding() && !outcome().is_finding());
        assert_eq!(
            one.stack_trace(),
            "start (/srv/app.py:3)\nspawn (/src/shop.c:7)\n0x7f0000000100 (libc.so.6+0x100)\n"
        );
        assert_eq!(outcome().stack_trace(), "");
    }

    #[test]
    fn text_that_is_no_unicode_is_refused() {
        let line = String::from_utf8(fork(1).line).unwrap().replace("node-7", "\\ud800");
        let why = Item::parse(line.as_bytes(), Id::default(), Mark::default()).unwrap_err();
        assert!(why.starts_with("not JSON ("), "{why}");
    }
}
