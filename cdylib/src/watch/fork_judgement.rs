//! From a fork's snapshot to its judgement.

use crate::record;
use crate::snapshot::fork_snapshot::ForkSnapshot;
use crate::snapshot::names;
use crate::snapshot::place::PlaceVerdict;
use crate::state::counts;
use crate::state::report_lock::ReportLock;
use crate::verdict::judgement::{Judgement, Outcome};
use crate::verdict::reported;
use crate::verdict::unsafe_fork::{self, Verdict};
use crate::watch::report;

/// Judges a fork, and builds the record of a finding. Changes no state. `although_exec_bound` says that the child is known to
/// have done more than exec.
pub fn judge(snapshot: &ForkSnapshot, although_exec_bound: bool) -> Judgement {
    let mut judgement = Judgement {
        outcome: Outcome::Nothing,
        suppressed: 0,
        places: Vec::new(),
    };
    let Some(mut resolver) = names::resolver() else {
        return judgement;
    };
    let (verdict, left_out) = unsafe_fork::judge(snapshot, although_exec_bound, &mut resolver);
    judgement.suppressed = left_out.suppressed;
    judgement.places = left_out.places;
    match verdict {
        Verdict::Suppressed => {}
        Verdict::ExecBound => judgement.outcome = Outcome::ExecBound,
        Verdict::Finding(evidence) => {
            let own_name = snapshot.python.as_ref().and_then(|view| view.own_name.as_deref());
            let content = record::unsafe_fork::content(snapshot, evidence, &mut resolver);
            match report::unless_suppressed(content, own_name) {
                Some(record) => judgement.outcome = Outcome::Finding(Box::new(record)),
                None => {
                    judgement.suppressed += 1;
                    judgement.places.push((snapshot.origin.place, PlaceVerdict::Suppressed));
                }
            }
        }
    }
    judgement
}

/// Counts and remembers what a judgement left out.
pub fn note_left_out(lock: &mut ReportLock, judgement: &Judgement) {
    counts::SUPPRESSED.add_many(judgement.suppressed);
    for (place, verdict) in &judgement.places {
        reported::remember(lock, *place, *verdict);
    }
}
