//! What was found out about addresses, and a record with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use forkwatch_process::lines::Place;
use forkwatch_schema::record::{Lock, Record};

use super::frames::{self, Module};
use super::stacks;
use crate::report::example::Example;
use crate::symbols::{Names, Sources, exists, find};

/// What is known of each address that was looked up.
#[derive(Debug, Default)]
pub struct Known(BTreeMap<Module, BTreeMap<u64, Vec<Place>>>);

impl Known {
    /// Adds an address to be looked up; whether it is a new one.
    pub fn ask(&mut self, module: Module, probe: u64) -> bool {
        self.0.entry(module).or_default().insert(probe, Vec::new()).is_none()
    }

    /// How many modules have changed since, and nobody else names them.
    pub fn look_up(&mut self, sources: &Sources) -> u64 {
        let mut changed = BTreeSet::new();
        for ((path, id), places) in &mut self.0 {
            let file = Path::new(path);
            // A file that cannot be distinguished from another one is not used.
            let found = id.is_some().then(|| find(file, file, id.as_deref(), sources));
            let found = found.unwrap_or_default();
            if found.own.is_none() && found.apart.is_none() {
                if exists(file) {
                    changed.insert(path);
                }
                continue;
            }
            let addresses: Vec<u64> = places.keys().copied().collect();
            let found = Names::new(&found).at(&addresses);
            for (places, found) in places.values_mut().zip(found) {
                *places = found;
            }
        }
        changed.len() as u64
    }

    /// Adds names and lines to an example.
    pub fn complete(&self, example: &mut Example) {
        let Some(record) = &mut example.record else { return };
        if self.0.is_empty() || !self.complete_record(record) {
            return;
        }
        // The line keeps what suppressions take out of the record. Fields from a newer version must not be lost either.
        if let Ok(mut whole) = serde_json::from_str::<Record>(&example.line)
            && serde_json::to_string(&whole).is_ok_and(|line| line == example.line.trim_end())
            && self.complete_record(&mut whole)
            && let Ok(line) = serde_json::to_string(&whole)
        {
            example.line = line;
        }
    }

    /// Adds names and lines to a lock.
    pub fn complete_lock(&self, lock: &mut Lock) {
        for stack in stacks::of_lock(lock) {
            frames::complete(stack, |address| self.0.get(&address.module)?.get(&address.probe));
        }
    }

    /// Whether anything was added.
    fn complete_record(&self, record: &mut Record) -> bool {
        let mut has_changed = false;
        for stack in stacks::of(&mut record.detail) {
            has_changed |= frames::complete(stack, |address| self.0.get(&address.module)?.get(&address.probe));
        }
        has_changed
    }
}
