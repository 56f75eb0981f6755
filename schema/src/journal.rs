//! A record as an entry of systemd's journal, in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).

use serde_json::{Map, Value};

use crate::harmless::is_harmful;
use crate::kind::Severity;
use crate::record::Record;

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// The entry: priority and message, each scalar of the record as a field that `journalctl` can filter by, and the
/// line itself, so that `forkwatch report` can read the whole record back.
pub fn entry(record: &Record, line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii_end();
    let fields: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
    entry_of(record.severity, &record.message, &fields, line)
}

/// The same of a record that may be of a kind that this version does not know.
pub fn entry_of(severity: Severity, message: &str, fields: &Map<String, Value>, line: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(2 * line.len());
    field(&mut entry, "PRIORITY", priority(severity));
    field(&mut entry, "SYSLOG_IDENTIFIER", "forkwatch");
    field(&mut entry, "MESSAGE", message);
    for (name, value) in fields {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        field(&mut entry, &format!("FORKWATCH_{}", name.to_ascii_uppercase()), &text);
    }
    field(&mut entry, "FORKWATCH_RECORD", &String::from_utf8_lossy(line));
    entry
}

/// The levels of syslog(3).
const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Fatal => "2",
        Severity::Error => "3",
        Severity::Warn => "4",
        Severity::Info => "6",
    }
}

/// Appends a field on one line: characters that would end the line or harm a terminal are escaped.
pub fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'=');
    // Most texts are plain, and a record is long.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        entry.extend_from_slice(value.as_bytes());
        entry.push(b'\n');
        return;
    }
    for character in value.chars() {
        if is_harmful(character) {
            entry.extend(character.escape_default().map(|escaped| escaped as u8));
        } else {
            entry.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::entry;
    use crate::line::line;
    use crate::record::Record;

    #[test]
    fn scalars_are_fields_and_the_record_comes_back_whole() {
        let text = r#"{"time":"2026-01-01T00:00:00.000000000Z","severity":"FATAL","schema":"forkwatch/1","kind":"slow_handler","fingerprint":"0123456789abcdef","message":"a\nMESSAGE=b","host":"h","pid":7,"ppid":1,"tid":7,"thread":"t","exe":"/x","argv":["y"],"service":"s","context":null,"fork_id":null,"library":"/l\u202e","phase":"child","milliseconds":1200}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        let bytes = entry(&record, &line(&record).unwrap());
        let entry = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = entry.lines().collect();
        assert_eq!(
            lines[..3],
            ["PRIORITY=2", "SYSLOG_IDENTIFIER=forkwatch", "MESSAGE=a\\nMESSAGE=b"]
        );
        for expected in [
            "FORKWATCH_KIND=slow_handler",
            "FORKWATCH_PID=7",
            "FORKWATCH_LIBRARY=/l\\u{202e}",
            "FORKWATCH_MILLISECONDS=1200",
        ] {
            assert!(lines.contains(&expected), "{expected}: {entry}");
        }
        assert!(
            !entry.contains("FORKWATCH_ARGV") && !entry.contains("FORKWATCH_CONTEXT"),
            "{entry}"
        );
        let whole = lines.last().unwrap().strip_prefix("FORKWATCH_RECORD=").unwrap();
        assert_eq!(serde_json::from_str::<Record>(whole).unwrap(), record);
    }
}
