//! The child reporter. Each record of a forked child belongs to a fork, which is reported first, and may stop the child.

use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Detail;

use crate::config::{self, Strict};
use crate::record::envelope::Content;
use crate::sink::output::Shown;
use crate::snapshot::place::{Place, PlaceVerdict};
use crate::state::counts;
use crate::state::depot::StackId;
use crate::state::family;
use crate::state::report_lock::ReportLock;
use crate::verdict::{fork_record, parent, reported, strict};
use crate::watch::child::fork_report;
use crate::watch::report;

/// Writes the records of a child.
pub(super) struct ChildReporter<'a> {
    /// The proof that the report lock is held.
    pub(super) lock: &'a mut ReportLock,
    /// The stack of the call.
    pub(super) stack: StackId,
    /// Whether the child must be stopped.
    pub(super) stop: bool,
}

impl ChildReporter<'_> {
    /// Reports a finding of this place once; it belongs to the fork that made this process.
    pub(super) fn report_at(&mut self, place: Place, content: Content) {
        let verdict = if self.report(content, fork_record::newest_number()) {
            PlaceVerdict::Reported
        } else {
            PlaceVerdict::Suppressed
        };
        reported::remember(self.lock, place, verdict);
    }

    /// Reports a finding that belongs to the fork of this number, unless another process of the family has, and decides whether the
    /// child is stopped. False where a rule suppresses it.
    pub(super) fn report(&mut self, content: Content, number: usize) -> bool {
        let config = config::get();
        let fingerprint = content.fingerprint.clone();
        // A finding of this kind is all that one function calls, each once.
        let key = match &content.detail {
            Detail::Call(call) if content.kind == Kind::UnsafeCall => fingerprint::with_call(&fingerprint, &call.call),
            _ => fingerprint.clone(),
        };
        if config.strict == Strict::Off && !config.repeat_all && family::has(&key) {
            family::count_repeated();
            return true;
        }
        let (fork_id, was_exec_bound) = fork_report::unless_parent_reports(self.lock, number);
        let content = Content {
            fork_id: Some(fork_id.to_string()),
            ..content
        };
        let Some(record) = report::unless_suppressed(content, parent::name_of_this_thread(self.lock)) else {
            counts::SUPPRESSED.add();
            return false;
        };
        let option = strict::option_for_child(&record, was_exec_bound);
        self.stop |= option.is_some();
        if family::insert(&key) || config.repeat_all {
            let is_further = key != fingerprint && !family::insert(&fingerprint);
            let shown = if is_further && option.is_none() {
                Shown::Briefly
            } else {
                Shown::Whole(option)
            };
            report::write(&record, shown);
        } else {
            family::count_repeated();
        }
        true
    }
}
