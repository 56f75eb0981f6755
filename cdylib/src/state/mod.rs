//! What is true right now: written by the hooks of each thread, read by the thread that forks.
//!
//! What two threads access is defined in the crate `forkwatch-state`, where models try every interleaving; the modules of the
//! same names here hold this process's own tables.
//!
//! Nothing here allocates, locks or calls libc on a hot path. Tables have fixed limits, and count what they had to drop.

pub mod cleared;
pub mod context;
pub mod counts;
pub mod credit;
pub mod depot;
pub mod descriptors;
pub mod family;
pub mod fork_call;
pub mod forked_child;
pub mod libc_regions;
pub mod makers;
pub mod orphans;
pub mod own_code;
pub mod own_stack_bounds;
pub mod redirects;
pub mod sandbox;
pub mod settling;
pub mod signalling;
pub mod stack_cache;
pub mod takers;
pub mod thread;
pub mod threads;
pub mod unwind;

pub use forkwatch_state::{held, report_lock};
