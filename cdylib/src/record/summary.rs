//! `summary`: what a process has seen, at its end.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::Detail;

use super::envelope::Content;
use crate::state::counts;

/// The counts.
pub fn content() -> Content {
    Content {
        severity: Severity::Info,
        kind: Kind::Summary,
        fingerprint: fingerprint::of_kind(Kind::Summary),
        fork_id: None,
        detail: Detail::Summary(counts::summary()),
        truncated: Vec::new(),
    }
}
