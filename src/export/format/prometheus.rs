//! Counters for Prometheus: the text that it scrapes, in a file for node_exporter's textfile collector or for a Pushgateway.
//!
//! What is sent is the sum of all records, so that sending it twice does no harm. The sums are kept with the positions.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use forkwatch_schema::kind::Severity;
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Exporter, Format, Made, bad_target};
use crate::export::attempt::{Answer, Attempt};
use crate::export::http::{Address, Http};
use crate::export::item::Item;
use crate::export::whole_file::write_whole;

/// The row of this format.
pub const FORMAT: Format = Format {
    name: "prometheus",
    help: "counters of findings and forks",
    to: "the URL of a Pushgateway, or a file for node_exporter's textfile collector, NAME.prom",
    least: Severity::Info,
    // They are only counted.
    together: 4096,
    make,
};

/// Fingerprints that have a counter of their own; more are counted together as `other`, so that Prometheus is not overwhelmed.
const MOST_FINGERPRINTS: usize = 10_000;

/// The counters of a process's `summary`, each with its field and what it counts.
const OF_SUMMARIES: &[(&str, &str, &str)] = &[
    (
        "forkwatch_forks_total",
        "forks",
        "Forks in processes that had a finding",
    ),
    (
        "forkwatch_unsafe_forks_total",
        "unsafe_forks",
        "Forks with other threads alive",
    ),
    (
        "forkwatch_exec_bound_forks_total",
        "exec_bound_forks",
        "Forks by callers that only go on to exec",
    ),
    (
        "forkwatch_repeated_findings_total",
        "repeated",
        "Repeats of findings, which are only counted",
    ),
    (
        "forkwatch_suppressed_findings_total",
        "suppressed",
        "Findings, threads and locks that a rule suppressed",
    ),
];

/// All counts.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sums {
    /// By kind, severity, program and fingerprint.
    findings: Vec<(Labels, u64)>,
    /// By program and outcome.
    outcomes: Vec<(Labels, u64)>,
    /// By program and field.
    summaries: Vec<(Labels, u64)>,
}

type Labels = Vec<String>;
type Counts = BTreeMap<Labels, u64>;

enum Target {
    Output,
    File(PathBuf),
    Gateway(String, Http),
}

struct Prometheus {
    target: Target,
    findings: Counts,
    fingerprints: BTreeMap<String, u64>,
    outcomes: Counts,
    summaries: Counts,
}

fn make(to: Option<&str>, http: Http) -> Made {
    let target = match to {
        None => Target::Output,
        Some(to) => match Address::parse(to) {
            Some(address) => Target::Gateway(group(&address), http.with_user_of(&address)),
            // The collector reads no other names, and an empty text names no file.
            None if to.ends_with(".prom") && !to.contains("://") => Target::File(to.into()),
            None => return Err(bad_target(&FORMAT, to)),
        },
    };
    Ok(Box::new(Prometheus {
        target,
        findings: Counts::new(),
        fingerprints: BTreeMap::new(),
        outcomes: Counts::new(),
        summaries: Counts::new(),
    }))
}

/// The group of metrics that is replaced: that of this host, unless the URL names one.
fn group(address: &Address) -> String {
    if address.path.contains("/metrics/job") {
        return address.with_path(&address.path);
    }
    let host = crate::records::host();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    let host: String = host.chars().filter(|character| is_plain(*character)).collect();
    let base = address.path.trim_end_matches('/');
    address.with_path(&format!("{base}/metrics/job/forkwatch/instance/{host}"))
}

impl Exporter for Prometheus {
    fn is_sum(&self) -> bool {
        true
    }

    fn take(&mut self, items: &[Item]) {
        for item in items {
            let program = item.program().to_owned();
            let add = |counts: &mut Counts, label: &str, number: u64| {
                *counts.entry(vec![program.clone(), label.to_owned()]).or_default() += number;
            };
            match item.text("kind") {
                "summary" => {
                    for (_, field, _) in OF_SUMMARIES {
                        let number = item.fields.get(*field).and_then(Value::as_u64).unwrap_or(0);
                        add(&mut self.summaries, field, number);
                    }
                }
                "fork_outcome" => add(&mut self.outcomes, item.text("outcome"), 1),
                _ => self.finding(item),
            }
        }
    }

    fn print(&mut self, _: &[Item], _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.text().map_err(io::Error::other)?.as_bytes())
    }

    fn send(&mut self, _: &[Item]) -> Attempt {
        let text = match self.text() {
            Ok(text) => text,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let result = match &self.target {
            Target::Output => Ok(()),
            Target::File(path) => {
                let written = write_whole(path, |out| out.write_all(text.as_bytes()));
                written.map_err(|error| Attempt::Refused(error.to_string()))
            }
            Target::Gateway(url, http) => http.put(url, prometheus::TEXT_FORMAT, text.as_bytes()).map(drop),
        };
        match result {
            Ok(()) => Attempt::Answered(Answer::default()),
            // A part of the records gives the same sums.
            Err(Attempt::Unfit(why)) => Attempt::Refused(why),
            Err(attempt) => attempt,
        }
    }

    fn sums(&self) -> Value {
        let list = |counts: &Counts| counts.iter().map(|(labels, count)| (labels.clone(), *count)).collect();
        let sums = Sums {
            findings: list(&self.findings),
            outcomes: list(&self.outcomes),
            summaries: list(&self.summaries),
        };
        serde_json::to_value(sums).unwrap_or_default()
    }

    fn go_on(&mut self, sums: &Value) -> Result<(), String> {
        if sums.is_null() {
            return Ok(());
        }
        let sums: Sums = serde_json::from_value(sums.clone()).map_err(|error| error.to_string())?;
        let lengths = [(&sums.findings, 4), (&sums.outcomes, 2), (&sums.summaries, 2)];
        if lengths
            .iter()
            .any(|(counts, length)| counts.iter().any(|(labels, _)| labels.len() != *length))
        {
            return Err("a counter has too few labels".to_owned());
        }
        for (labels, count) in &sums.findings {
            *self.fingerprints.entry(labels[3].clone()).or_default() += count;
        }
        self.findings = sums.findings.into_iter().collect();
        self.outcomes = sums.outcomes.into_iter().collect();
        self.summaries = sums.summaries.into_iter().collect();
        Ok(())
    }
}

impl Prometheus {
    fn finding(&mut self, item: &Item) {
        let fingerprint = item.text("fingerprint");
        let is_counted = self.fingerprints.contains_key(fingerprint) || self.fingerprints.len() < MOST_FINGERPRINTS;
        let fingerprint = if is_counted { fingerprint } else { "other" };
        *self.fingerprints.entry(fingerprint.to_owned()).or_default() += 1;
        let labels = [item.text("kind"), item.severity.name(), item.program(), fingerprint];
        *self.findings.entry(labels.map(str::to_owned).to_vec()).or_default() += 1;
    }

    /// The text that Prometheus reads.
    fn text(&self) -> prometheus::Result<String> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let names = ["kind", "severity", "program", "fingerprint"];
        let findings = counter("forkwatch_findings_total", "Records of findings", &names)?;
        fill(&findings, self.findings.iter());
        let outcomes = counter(
            "forkwatch_fork_outcomes_total",
            "What became of the children of reported forks",
            &["program", "outcome"],
        )?;
        fill(&outcomes, self.outcomes.iter());
        for (name, field, help) in OF_SUMMARIES {
            let of_field = counter(name, help, &["program"])?;
            for (labels, count) in self.summaries.iter().filter(|(labels, _)| labels[1] == *field) {
                of_field.with_label_values(&labels[..1]).inc_by(*count);
            }
        }
        TextEncoder::new().encode_to_string(&registry.gather())
    }
}

fn fill<'counts>(counter: &IntCounterVec, counts: impl Iterator<Item = (&'counts Labels, &'counts u64)>) {
    for (labels, count) in counts {
        counter.with_label_values(labels).inc_by(*count);
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Http, Value, group, make};
    use crate::export::item::tests::{fork, item, outcome};

    #[test]
    fn sums_are_kept_and_go_on() {
        let summary = String::from_utf8(outcome().line).unwrap();
        let summary = summary
            .replace("fork_outcome", "summary")
            .replace("\"child_pid\":50", "\"forks\":9,\"repeated\":4");
        let mut one = make(None, Http::new(vec![])).unwrap();
        one.take(&[fork(42), fork(43), outcome(), item(&summary)]);
        let mut other = make(None, Http::new(vec![])).unwrap();
        other.go_on(&one.sums()).unwrap();
        other.take(&[fork(44)]);
        let mut text = Vec::new();
        other.end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for line in [
            "# TYPE forkwatch_findings_total counter",
            "forkwatch_findings_total{fingerprint=\"0123456789abcdef\",kind=\"unsafe_fork\",program=\"shop\",severity=\"ERROR\"} 3",
            "forkwatch_fork_outcomes_total{outcome=\"exec\",program=\"shop\"} 1",
            "forkwatch_forks_total{program=\"shop\"} 9",
            "forkwatch_repeated_findings_total{program=\"shop\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(other.go_on(&Value::from("x")).is_err());
        assert!(
            other
                .go_on(&serde_json::json!({"findings": [[["a"], 1]], "outcomes": [], "summaries": []}))
                .is_err()
        );
    }

    #[test]
    fn a_gateway_has_a_group_for_this_host() {
        let of = |url: &str| group(&Address::parse(url).unwrap());
        assert!(of("http://push:9091").starts_with("http://push:9091/metrics/job/forkwatch/instance/"));
        assert_eq!(of("http://push/x/metrics/job/a"), "http://push/x/metrics/job/a");
        assert!(make(Some("/var/lib/forkwatch.txt"), Http::new(vec![])).is_err());
    }
}
