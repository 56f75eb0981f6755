//! Findings that are one bug to fix: forks at different places while the same lock, taken at the same place, was
//! held.

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::{Detail, Record};
use rustc_hash::FxHashMap;

use super::gather::names;
use super::shown::Report;

/// The findings by position, similar ones grouped behind the worst of them; otherwise in the same order.
pub fn together(report: &Report) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: FxHashMap<u64, usize> = FxHashMap::default();
    for (position, finding) in report.findings.iter().enumerate() {
        let record = (finding.kind == Kind::UnsafeFork.name()).then(|| report.examples.record(finding));
        let Some(locks) = record.flatten().as_ref().and_then(locks) else {
            groups.push(vec![position]);
            continue;
        };
        let group = *known.entry(locks).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(position);
    }
    groups
}

/// Which locks were held and where they had been taken, hashed; `None` for a record without a lock whose stack is known.
fn locks(record: &Record) -> Option<u64> {
    let Detail::UnsafeFork(fork) = &record.detail else {
        return None;
    };
    let mut sites: Vec<String> = fork
        .locks
        .iter()
        .filter(|lock| !lock.acquired_stack.is_empty())
        .map(|lock| {
            let mut site = format!("{:?} {:?}", lock.kind, lock.name);
            for frame in &lock.acquired_stack {
                // A program that was rebuilt, or a symbol alone, is another place only if its name is.
                site.push_str(&format!(
                    " {:?} {:?}",
                    frame.build_id,
                    frame.offset.as_ref().or(frame.symbol.as_ref())
                ));
            }
            site
        })
        .collect();
    sites.sort();
    sites.dedup();
    let parts: Vec<&[u8]> = sites.iter().map(String::as_bytes).collect();
    (!parts.is_empty()).then(|| names::hash(&parts))
}
