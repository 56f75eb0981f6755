//! `forkwatch report` of one log, in every format.

use std::ffi::OsString;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;

use super::assert_harmless;
use super::records::memory_file;
use crate::report;
use crate::report::FORMATS;

pub fn run(input: &[u8]) -> usize {
    let mut log = memory_file();
    log.write_all(input).expect("memory can be written");
    for format in FORMATS {
        let written = report(&log, &["--format", format.name]);
        match format.name {
            "json" => drop(serde_json::from_str::<serde_json::Value>(&written).expect("JSON")),
            "sarif" => drop(serde_json::from_str::<serde_json::Value>(&written).expect("SARIF")),
            "junit" => assert_xml(&written),
            _ => assert_harmless(&written),
        }
    }
    let rules = report(&log, &["--gen-suppressions"]);
    assert_harmless(&rules);
    rules.lines().count()
}

fn report(log: &std::fs::File, flags: &[&str]) -> String {
    let path = |file: &std::fs::File| format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut output = memory_file();
    let mut arguments: Vec<OsString> = vec!["report".into(), "--no-symbols".into()];
    arguments.extend(flags.iter().map(Into::into));
    arguments.extend(["--output".into(), path(&output).into(), path(log).into()]);
    let matches = report::command().get_matches_from(arguments);
    report::run(&matches).expect("a report");
    let mut written = String::new();
    output.rewind().expect("memory can be read");
    output.read_to_string(&mut written).expect("reports are UTF-8");
    written
}

fn assert_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return,
            Ok(_) => {}
            Err(error) => panic!("no XML: {error}: {text}"),
        }
    }
}
