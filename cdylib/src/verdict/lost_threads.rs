//! Which library started the threads that a fork lost.

use core::ops::Range;

use forkwatch_process::resolver::Resolver;

use super::fork_record;
use crate::state::depot;
use crate::state::report_lock::ReportLock;
use crate::state::thread::Origin;
use crate::system::printable::printable;
use crate::system::process;

/// Whether a lost thread was started by the library at these addresses: it begins there, or was created from there by way of other
/// libraries only.
pub fn started_in(lock: &ReportLock, library: &Range<usize>, resolver: &Resolver) -> bool {
    let inherited = fork_record::newest(lock).and_then(|fork| fork.inherited.as_ref());
    let mut origins = inherited
        .into_iter()
        .flat_map(|snapshot| &snapshot.threads)
        .filter_map(|thread| thread.origin);
    origins.any(|origin| library.contains(&origin.start_routine) || was_created_in(&origin, library, resolver))
}

fn was_created_in(origin: &Origin, library: &Range<usize>, resolver: &Resolver) -> bool {
    /// The frames of the libraries between.
    const FEW: usize = 6;
    let program = printable(&process::program_path());
    let is_programs = |address: usize| {
        let module = resolver.modules().find(address.wrapping_sub(1));
        module.is_none_or(|module| printable(module.path()) == program)
    };
    let mut frames = depot::frames(origin.created).iter().take(FEW);
    frames
        .find(|address| library.contains(address) || is_programs(**address))
        .is_some_and(|address| library.contains(address))
}
