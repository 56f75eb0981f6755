//! `slow_handler`: an at-fork handler took over a second.

use forkwatch_process::modules::Modules;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Phase, SlowHandler};

use super::envelope::Content;
use crate::system::printable::printable;

/// The finding about the handler at this address.
pub fn content(handler: usize, phase: Phase, milliseconds: u64) -> Content {
    let library = Modules::read().and_then(|modules| Some(printable(modules.find(handler)?.path())));
    Content {
        severity: Severity::Warn,
        kind: Kind::SlowHandler,
        fingerprint: fingerprint::of_handler(library.as_deref().unwrap_or_default(), phase),
        fork_id: None,
        detail: Detail::SlowHandler(SlowHandler {
            library,
            phase,
            milliseconds,
        }),
        truncated: Vec::new(),
    }
}
