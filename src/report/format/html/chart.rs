//! How many records there were over time: a bar for each hour, or for as many days as it takes to have few bars.

use forkwatch_schema::kind::Severity;
use forkwatch_text::words::{count, number};
use maud::{Markup, html};

use super::level::level;
use crate::report::finding::Finding;
use crate::report::gather::spread::HOUR;
use crate::report::read::parsed::rfc3339;

/// The most bars.
const MAX: u32 = 72;

/// Hours per bar; the first value that needs at most [`MAX`] bars is used.
const WIDTHS: [u32; 2] = [1, 24];

/// Pixels of the highest bar.
const HEIGHT: u32 = 110;

/// The worst is at the bottom, where bars can be compared.
const LEVELS: [Severity; 4] = [Severity::Fatal, Severity::Error, Severity::Warn, Severity::Info];

/// The bars.
#[derive(Debug, PartialEq, Eq)]
struct Bars {
    /// The hour in which the first of them begins.
    start: u32,
    /// Hours of each.
    width: u32,
    /// Records of each of [`LEVELS`].
    bars: Vec<[u64; 4]>,
}

/// Draws them; nothing where there is nothing to draw.
pub fn draw(findings: &[Finding]) -> Markup {
    let Some(bars) = bars(findings) else { return html! {} };
    if let [only] = &bars.bars[..] {
        let records = count(only.iter().sum(), "record of a finding is", "records of findings are");
        return html! { p.note { (records) " from the " (bars.each()) " that began at " (bars.time(0)) " UTC." } };
    }
    let highest = bars
        .bars
        .iter()
        .map(|bar| bar.iter().sum())
        .max()
        .unwrap_or(0_u64)
        .max(1);
    let last = bars.bars.len().saturating_sub(1);
    html! {
        section.when {
            h2 { "Over time" }
            p.note { "Records of findings in each " (bars.each()) ", UTC; the highest bar is " (number(highest)) }
            svg.chart width="100%" height=(HEIGHT + 24) role="img"
                aria-label="Records of findings over time; the table below has the numbers" {
                line.axis x1="0" x2="100%" y1=(HEIGHT) y2=(HEIGHT) {}
                @for (position, bar) in bars.bars.iter().enumerate() {
                    (self::bar(&bars, position, bar, highest))
                }
                text.note x="0" y=(HEIGHT + 18) { (bars.time(0)) }
                text.note.end x="100%" y=(HEIGHT + 18) { (bars.time(last)) }
            }
            p.legend {
                @for (number, level) in LEVELS.iter().enumerate() {
                    @if bars.bars.iter().any(|bar| bar[number] > 0) { (super::level::badge(*level)) " " }
                }
            }
            (table(&bars))
        }
    }
}

fn bar(bars: &Bars, position: usize, bar: &[u64; 4], highest: u64) -> Markup {
    let all: u64 = bar.iter().sum();
    let share = 100.0 / bars.bars.len() as f64;
    let mut top = f64::from(HEIGHT);
    let pieces: Vec<(&str, f64, f64)> = LEVELS
        .iter()
        .zip(bar)
        .filter(|(_, records)| **records > 0)
        .map(|(severity, &records)| {
            // One record among a million must still be visible.
            let height = (records as f64 / highest as f64 * f64::from(HEIGHT)).max(2.0);
            top = (top - height).max(0.0);
            (level(*severity), top, height)
        })
        .collect();
    html! {
        @if all > 0 {
            g {
                title { (bars.time(position)) ": " (count(all, "record", "records")) }
                @for (class, top, height) in pieces {
                    rect.(class) x=(format!("{:.2}%", position as f64 * share)) width=(format!("{:.2}%", share * 0.86))
                        y=(format!("{top:.1}")) height=(format!("{height:.1}")) {}
                }
            }
        }
    }
}

fn table(bars: &Bars) -> Markup {
    html! {
        details {
            summary { "As a table" }
            table {
                thead {
                    tr {
                        th scope="col" { "From" }
                        @for level in LEVELS { th.number scope="col" { (level.name()) } }
                    }
                }
                tbody {
                    @for (position, bar) in bars.bars.iter().enumerate() {
                        @if bar.iter().any(|&records| records > 0) {
                            tr {
                                th scope="row" { (bars.time(position)) }
                                @for &records in bar { td.number { (number(records)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Counts them. A time in 1970 means that the record had no readable time.
fn bars(findings: &[Finding]) -> Option<Bars> {
    let hours = || {
        findings
            .iter()
            .flat_map(|finding| &finding.seen.hours)
            .filter(|(hour, _)| *hour > 0)
    };
    let (first, last) = (
        hours().map(|(hour, _)| *hour).min()?,
        hours().map(|(hour, _)| *hour).max()?,
    );
    let needed = |width: u32| last / width - first / width + 1;
    let width = WIDTHS
        .into_iter()
        .find(|&width| needed(width) <= MAX)
        .unwrap_or_else(|| ((last - first) / 24).div_ceil(MAX - 1).max(1) * 24);
    let mut bars = vec![[0; 4]; needed(width) as usize];
    for finding in findings {
        let level = LEVELS.iter().position(|level| *level == finding.severity).unwrap_or(0);
        for (hour, records) in finding.seen.hours.iter().filter(|(hour, _)| *hour > 0) {
            bars[(hour / width - first / width) as usize][level] += records;
        }
    }
    Some(Bars {
        start: first / width * width,
        width,
        bars,
    })
}

impl Bars {
    /// What a bar shows.
    fn each(&self) -> String {
        match self.width {
            1 => String::from("hour"),
            24 => String::from("day"),
            hours => format!("{} days", hours / 24),
        }
    }

    /// When a bar begins.
    fn time(&self, position: usize) -> String {
        let hour = u64::from(self.start) + position as u64 * u64::from(self.width);
        let time = rfc3339(hour.saturating_mul(HOUR));
        let (day, rest) = time.split_once('T').unwrap_or((&time, ""));
        if self.width < 24 {
            format!("{day} {}", rest.get(..5).unwrap_or_default())
        } else {
            day.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bars, MAX, bars};
    use crate::report::format::html::tests::finding;

    #[test]
    fn bars_get_as_many_hours_as_needed() {
        for (last, width, length) in [(10, 1, 1), (81, 1, 72), (82, 24, 4), (500, 24, 21), (500_000, 7056, 71)] {
            let (mut one, _) = finding(1, "WARN");
            one.seen.hours = vec![(0, 9), (10, 3), (last, 5)];
            let Bars { width: found, bars, .. } = bars(&[one]).unwrap();
            assert_eq!((found, bars.len()), (width, length), "{last}");
            assert!(bars.len() <= MAX as usize);
            assert_eq!(bars.iter().map(|bar| bar[2]).sum::<u64>(), 8);
        }
        assert_eq!(bars(&[]), None);
    }

    #[test]
    fn times_without_a_fault_at_the_end_of_all_times() {
        let (mut one, _) = finding(1, "WARN");
        one.seen.hours = vec![(1, 1), (u32::MAX, 1)];
        let bars = bars(&[one]).unwrap();
        assert!(bars.bars.len() <= MAX as usize && !bars.time(bars.bars.len() - 1).is_empty());
    }
}
