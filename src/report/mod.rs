//! `forkwatch report`: from records to findings, worst first.

mod advice;
mod finding;
mod gather;
mod judge;
mod progress;
mod read;
mod scan;

use std::ffi::OsString;

pub fn run_quick(paths: &[OsString]) {
    let (inputs, complaints) = read::inputs::find(paths);
    let wanted = gather::Wanted::default();
    let scanned = scan::scan(&inputs, &wanted);
    eprintln!("{complaints:?} {:?} {:?} {}", scanned.complaints, scanned.broken, scanned.gathered.records);
    let (findings, lost) = judge::findings(scanned, |_| false);
    eprintln!("{} {lost} {:?}", findings.len(), findings.first());
}
