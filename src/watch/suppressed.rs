//! Whether a suppression rule silences a finding: the same rules that the library in the child would go by.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use forkwatch_schema::record::{Detail, Record};
use forkwatch_schema::suppression::{Rule, parse};

use crate::stack::base_name;

/// The rules in files that are separated by colons. What is wrong with a file or a line the library has said already.
pub fn rules(files: &OsStr) -> Vec<Rule> {
    let names = files.as_bytes().split(|&byte| byte == b':');
    let texts = names.filter_map(|name| fs::read(OsStr::from_bytes(name)).ok());
    texts
        .flat_map(|text| parse(&String::from_utf8_lossy(&text), |_line, _what| {}))
        .collect()
}

/// Whether any of the rules is about this finding, by its thread's name or a name on its stack.
pub fn is_silenced(record: &Record, rules: &[Rule]) -> bool {
    let stack = match &record.detail {
        Detail::StuckChild(detail) => detail.stack.as_slice(),
        _ => &[],
    };
    let modules = stack.iter().filter_map(|frame| frame.module.as_deref().map(base_name));
    let symbols = stack.iter().filter_map(|frame| frame.symbol.as_deref());
    let names: Vec<&str> = modules.chain(symbols).chain([record.thread.as_str()]).collect();
    let about = rules.iter().filter(|rule| rule.silences(record.kind));
    about.into_iter().any(|rule| names.iter().any(|name| rule.fits(name)))
}
