//! systemd's journal: its native protocol, as the library speaks it, or its export format, which systemd-journal-remote reads.

use std::ffi::CString;
use std::io::{self, Write};

use forkwatch_schema::journal::{self, entry_of, field};
use forkwatch_schema::kind::Severity;
use forkwatch_sink::socket;
use rustix::io::Errno;

use super::{Exporter, Format, Made, bad_target};
use crate::export::attempt::{Answer, Attempt};
use crate::export::http::Http;
use crate::export::item::Item;

/// The row of this format.
pub const FORMAT: Format = Format {
    name: "journald",
    help: "entries of systemd's journal: its native protocol, or its export format",
    to: "`journald` or the path of a socket that speaks its protocol",
    least: Severity::Info,
    together: 64,
    make,
};

struct Journal(Option<CString>);

fn make(to: Option<&str>, _: Http) -> Made {
    let path = match to {
        None => return Ok(Box::new(Journal(None))),
        Some("journald") => journal::SOCKET,
        Some(to) => to.strip_prefix("unix:").unwrap_or(to),
    };
    if path.contains("://") || path.is_empty() {
        return Err(bad_target(&FORMAT, to.unwrap_or_default()));
    }
    let path = CString::new(path).map_err(|_holds_a_nul| bad_target(&FORMAT, path))?;
    Ok(Box::new(Journal(Some(path))))
}

impl Exporter for Journal {
    fn print(&mut self, items: &[Item], out: &mut dyn Write) -> io::Result<()> {
        for item in items {
            let mut head = Vec::new();
            field(&mut head, "__REALTIME_TIMESTAMP", &(item.time / 1000).to_string());
            // What journald adds to an entry that it receives, here of the process that the record is about.
            for (name, value) in [("_HOSTNAME", item.said("host")), ("_EXE", item.said("exe"))] {
                if let Some(value) = value {
                    field(&mut head, name, value);
                }
            }
            out.write_all(&head)?;
            out.write_all(&entry(item))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// One datagram an entry: the journal has taken what was sent before one that it does not take.
    fn send(&mut self, items: &[Item]) -> Attempt {
        let Some(path) = &self.0 else {
            return Attempt::Answered(Answer::default());
        };
        let mut answer = Answer::default();
        for (position, item) in items.iter().enumerate() {
            match socket::send(path, &entry(item)) {
                Ok(()) => {}
                Err(Errno::MSGSIZE) => {
                    answer
                        .rejected
                        .push((1, Some(position), "it is too large for the socket".to_owned()));
                }
                Err(Errno::ACCESS | Errno::PERM | Errno::PROTOTYPE | Errno::NAMETOOLONG) if position == 0 => {
                    return Attempt::Refused("it cannot be written to".to_owned());
                }
                // It is full, or is not there at the moment.
                Err(error) => {
                    answer.again = (position..items.len()).collect();
                    answer.why = io::Error::from(error).to_string();
                    break;
                }
            }
        }
        Attempt::Answered(answer)
    }
}

/// The entry that the library would write, with the record's id.
fn entry(item: &Item) -> Vec<u8> {
    let mut entry = entry_of(item.severity, item.text("message"), &item.fields, &item.line);
    field(&mut entry, "FORKWATCH_ID", &item.id.to_string());
    entry
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::{Answer, Attempt, Http, make};
    use crate::export::item::tests::{fork, outcome};

    #[test]
    fn each_record_is_one_datagram_and_the_rest_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut journal = make(path.to_str(), Http::new(vec![])).unwrap();
        let items = [fork(42), outcome()];
        let Attempt::Answered(answer) = journal.send(&items) else {
            panic!()
        };
        assert_eq!((answer.again, answer.why.contains("No such file")), (vec![0, 1], true));
        let reader = UnixDatagram::bind(&path).unwrap();
        assert_eq!(journal.send(&items), Attempt::Answered(Answer::default()));
        for item in &items {
            let mut taken = vec![0; 100_000];
            let length = reader.recv(&mut taken).unwrap();
            let entry = String::from_utf8(taken[..length].to_vec()).unwrap();
            let line = std::str::from_utf8(&item.line).unwrap();
            assert!(entry.contains(&format!("\nFORKWATCH_RECORD={line}\n")), "{entry}");
            assert!(entry.ends_with(&format!("\nFORKWATCH_ID={}\n", item.id)), "{entry}");
        }
        assert!(make(Some("http://localhost"), Http::new(vec![])).is_err());
    }

    #[test]
    fn exported_entries_end_with_an_empty_line() {
        let mut text = Vec::new();
        make(None, Http::new(vec![]))
            .unwrap()
            .print(&[fork(42), outcome()], &mut text)
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        let entries: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(entries.len(), 2);
        assert!(entries[0].starts_with("__REALTIME_TIMESTAMP=1795230765123456\n_HOSTNAME=node-7\n"));
    }
}
