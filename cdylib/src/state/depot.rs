//! The stacks of this process: see [`forkwatch_state::depot`].

use forkwatch_state::depot::Depot;
pub use forkwatch_state::depot::{MAX_FRAMES, NO_STACK, StackId};

use crate::system::kernel::Kernel;

static DEPOT: Depot<Kernel> = Depot::new();

/// The id of this stack: see [`Depot::intern`].
pub fn intern(frames: &[usize]) -> StackId {
    DEPOT.intern(frames)
}

/// The return addresses of a stack, innermost first; empty for [`NO_STACK`].
pub fn frames(id: StackId) -> &'static [usize] {
    DEPOT.frames(id)
}

/// A hash of the stack's addresses, 0 for [`NO_STACK`]. It differs between runs.
pub fn hash(id: StackId) -> u64 {
    DEPOT.hash(id)
}
