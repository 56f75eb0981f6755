//! Names for the addresses of a stack, and how much is looked up.

use forkwatch_process::resolver::{Naming, Resolver};
use forkwatch_schema::record::Frame;

use crate::config::{self, Symbols};
use crate::state::forked_child;
use crate::system::allocator::has_memory;

/// A resolver for this process; `None` where its modules cannot be read.
pub fn resolver() -> Option<Resolver> {
    Resolver::new(naming())
}

/// The frames of a stack, including those of inlined functions, and no more than the user asked for.
pub fn frames(resolver: &mut Resolver, addresses: &[usize], first_is_exact: bool) -> Vec<Frame> {
    let mut frames = resolver.frames(addresses, first_is_exact);
    frames.truncate(config::get().depth);
    frames
}

/// How much is looked up: only names in the child of a threaded process, and less where memory is short.
fn naming() -> Naming {
    const BYTES_FOR_NAMES: usize = 64 << 20;
    const BYTES_FOR_LINES: usize = 256 << 20;
    let wanted = match config::get().symbols {
        Symbols::Off => Naming::Off,
        Symbols::Quick | Symbols::Full if forked_child::parent_had_threads() => Naming::Names,
        Symbols::Quick => Naming::Quick,
        Symbols::Full => Naming::Full,
        Symbols::Names => Naming::Names,
    };
    if wanted == Naming::Off || !has_memory(BYTES_FOR_NAMES) {
        Naming::Off
    } else if has_memory(BYTES_FOR_LINES) {
        wanted
    } else {
        Naming::Names
    }
}
