//! The examples of findings, read again when they are shown: keeping them all would take as much memory as the records.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Record;
use forkwatch_schema::suppressions::Suppressions;
use forkwatch_text::harmless::harmless;

use super::advice;
use super::calls;
use super::example::Example;
use super::finding::{Finding, Whole};
use super::gather::locks::LockSeen;
use super::gather::spot::{Kept, Spool, Spot};
use super::harmless::take_out;
use super::locks::{self, LockRow};
use super::symbols::known::Known;
use crate::message::{Failure, say};

/// The text for an example that cannot be read again.
const GONE: &[u8] = br#"{"message":"(this record can no longer be read)"}"#;

/// Where they are, and what to change in them.
#[derive(Debug, Default)]
pub struct Examples {
    inputs: Vec<PathBuf>,
    spools: RefCell<Vec<Spool>>,
    /// The file that was read last.
    open: RefCell<Option<(u32, File)>>,
    was_lost: Cell<bool>,
    /// The rules that mark threads and locks as harmless, which examples do not show.
    pub rules: Suppressions,
    /// Names and lines of addresses.
    pub known: Known,
}

impl Examples {
    /// The examples in these files and spools.
    pub fn new(inputs: Vec<PathBuf>, spools: Vec<Spool>) -> Self {
        Self {
            inputs,
            spools: RefCell::new(spools),
            ..Self::default()
        }
    }

    /// The files that are read.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// A finding with its example, ready to be shown.
    pub fn whole<'report>(&self, finding: &'report Finding) -> Whole<'report> {
        let mut example = Example::new(&self.line(&finding.spot));
        let advice = advice::of(&example, Kind::parse(&finding.kind));
        if let Some(record) = &mut example.record {
            take_out(&self.rules, record);
        }
        self.known.complete(&mut example);
        let mut locks = self.locks(finding);
        for row in &mut locks {
            self.known.complete_lock(&mut row.lock);
        }
        let message = calls::in_words(finding, &example);
        Whole {
            finding,
            example,
            message,
            advice,
            locks,
        }
    }

    /// The locks in a finding's records, except those that rules mark as harmless, without names and lines from files.
    pub fn locks(&self, finding: &Finding) -> Vec<LockRow> {
        let row = |seen: &LockSeen| {
            let mut record = Example::record(&self.line(&seen.spot))?;
            take_out(&self.rules, &mut record);
            Some(LockRow::new(seen, locks::find(&record.detail, seen.id)?.clone()))
        };
        finding.locks.iter().take(locks::MAX).filter_map(row).collect()
    }

    /// The record alone, without names and lines from files; `None` if this version cannot fully parse it.
    pub fn record(&self, finding: &Finding) -> Option<Record> {
        let mut record = Example::record(&self.line(&finding.spot))?;
        take_out(&self.rules, &mut record);
        Some(record)
    }

    /// A line's bytes. A file may have been cut, replaced or removed since they were first read.
    fn line(&self, spot: &Spot) -> Vec<u8> {
        match self.read(spot) {
            Ok(line) if spot.is(&line) => line,
            read => {
                if !self.was_lost.replace(true) {
                    let path = self.inputs.get(spot.origin.input as usize);
                    let path = path.map_or_else(String::new, |path| path.display().to_string());
                    let why = read.err().map_or_else(String::new, |error| format!(": {error}"));
                    say(&Failure::usage(harmless(&format!(
                        "{path} has changed while it was read, and not every example can be shown{why}"
                    ))));
                }
                GONE.to_vec()
            }
        }
    }

    fn read(&self, spot: &Spot) -> io::Result<Vec<u8>> {
        let mut line = vec![0; spot.length as usize];
        match spot.kept {
            Kept::InFile => {
                let input = spot.origin.input;
                let mut open = self.open.borrow_mut();
                if open.as_ref().is_none_or(|(known, _)| *known != input) {
                    let path = self.inputs.get(input as usize).ok_or(io::ErrorKind::NotFound)?;
                    *open = Some((input, File::open(path)?));
                }
                let Some((_, file)) = &*open else {
                    return Err(io::ErrorKind::NotFound.into());
                };
                file.read_exact_at(&mut line, spot.origin.offset)?;
            }
            Kept::InSpool { number, offset } => {
                let mut spools = self.spools.borrow_mut();
                let spool = spools.get_mut(number as usize).ok_or(io::ErrorKind::NotFound)?;
                spool.read(offset, &mut line)?;
            }
            Kept::Nowhere => return Err(io::Error::other("there was no space to keep it")),
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Examples;
    use crate::report::finding::Finding;
    use crate::report::gather::spot::{Kept, Origin, Spot};

    #[test]
    fn a_file_that_has_changed_is_not_taken_for_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let line = br#"{"message":"first"}"#;
        let origin = Origin { input: 0, offset: 4 };
        let finding = Finding {
            spot: Spot::new(line, origin, Kept::InFile),
            ..Finding::default()
        };
        let message = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            let examples = Examples::new(vec![path.clone()], Vec::new());
            examples.whole(&finding).message().to_owned()
        };
        let gone = "(this record can no longer be read)";
        assert_eq!(message(b"abc\n{\"message\":\"first\"}\n"), "first");
        assert_eq!(message(b"abc\n{\"message\":\"other\"}\n"), gone);
        assert_eq!(message(b"abc\n"), gone);
    }
}
