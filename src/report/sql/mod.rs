//! `forkwatch report --sql`: the same list made by a database, for users who keep the records in one.
//!
//! DuckDB asks the same of records and of Parquet files, `duckdb_findings.sql`; what differs is where the fields come from.
//!
//! The queries repeat the rules of `gather` and `judge` for each database, so changes there must be made here too.
//! `tests/report/sql.rs` checks that both give the same answers.

/// One row of [`DIALECTS`].
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Its name on the command line.
    pub name: &'static str,
    /// The whole file.
    pub text: &'static str,
}

/// Every database; the first is the default of `--sql`.
pub const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "duckdb",
        text: concat!(include_str!("duckdb.sql"), include_str!("duckdb_findings.sql")),
    },
    Dialect {
        name: "parquet",
        text: concat!(include_str!("parquet.sql"), include_str!("duckdb_findings.sql")),
    },
    Dialect {
        name: "clickhouse",
        text: include_str!("clickhouse.sql"),
    },
];

/// The file of a database.
pub fn text(name: &str) -> Option<&'static str> {
    DIALECTS
        .iter()
        .find(|dialect| dialect.name == name)
        .map(|dialect| dialect.text)
}

#[cfg(test)]
mod tests {
    use super::DIALECTS;
    use forkwatch_schema::kind::{Kind, Severity};

    #[test]
    fn every_dialect_knows_the_words_of_records() {
        let severities = [Severity::Info, Severity::Warn, Severity::Error, Severity::Fatal].map(Severity::name);
        let kinds = [Kind::UnsafeFork, Kind::ForkOutcome, Kind::Summary].map(Kind::name);
        for dialect in DIALECTS {
            for word in severities
                .iter()
                .chain(&kinds)
                .chain(&["exec", "exit", "deadlock", "unknown"])
            {
                let quoted = format!("'{word}'");
                assert!(dialect.text.contains(&quoted), "{}: {word}", dialect.name);
            }
            // One file is one idea, and a file for a shell ends its last line.
            assert!(dialect.text.trim_end().ends_with(';') && dialect.text.ends_with('\n'));
        }
    }
}
