//! JUnit XML, which most CI systems read: a test case for each finding, failed where it is `ERROR` or worse.

use std::io::{self, Write};

use forkwatch_schema::kind::Severity;
use forkwatch_text::Style;
use forkwatch_text::harmless::harmless;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::text;
use crate::report::finding::{Finding, Whole};
use crate::report::shown::Report;

/// Writes it.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let findings = report.whole();
    let failures = findings
        .iter()
        .filter(|finding| is_failure(finding))
        .count()
        .to_string();
    // A suite without a case looks like one that did not run.
    let tests = findings.len().max(1).to_string();
    let counts = [
        ("tests", tests.as_str()),
        ("failures", failures.as_str()),
        ("errors", "0"),
    ];
    let suites = xml
        .create_element("testsuites")
        .with_attribute(("name", "forkwatch"))
        .with_attributes(counts);
    suites.write_inner_content(|xml| {
        let suite = xml
            .create_element("testsuite")
            .with_attribute(("name", "forkwatch"))
            .with_attributes(counts);
        suite.write_inner_content(|xml| {
            for finding in findings {
                case(xml, report, &report.example(finding), style)?;
            }
            if findings.is_empty() {
                xml.create_element("testcase")
                    .with_attributes([("classname", "forkwatch"), ("name", "no finding")])
                    .write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    out.write_all(b"\n")
}

fn is_failure(finding: &Finding) -> bool {
    finding.severity >= Severity::Error
}

fn case(xml: &mut Writer<impl Write>, report: &Report, finding: &Whole<'_>, style: &Style) -> io::Result<()> {
    let message = clean(&harmless(finding.message()));
    let name = format!("{message} [{}]", clean(&harmless(&finding.fingerprint)));
    let class = format!("forkwatch.{}", clean(&harmless(&finding.kind)));
    let whole = clean(&text::plain(report, finding, style));
    let element = xml
        .create_element("testcase")
        .with_attributes([("classname", class.as_str()), ("name", name.as_str())]);
    element.write_inner_content(|xml| {
        if is_failure(finding) {
            xml.create_element("failure")
                .with_attributes([("type", finding.severity.name()), ("message", message.as_str())])
                .write_text_content(BytesText::new(&whole))?;
        } else {
            xml.create_element("system-out")
                .write_text_content(BytesText::new(&whole))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Without the two characters that XML cannot hold and that are not control characters, which are escaped already.
fn clean(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
