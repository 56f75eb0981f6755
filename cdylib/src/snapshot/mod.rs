//! What was true at this fork: which threads were alive, what they held and waited for, and where the fork was called.

pub mod alive;
pub mod fork_snapshot;
pub mod handled_locks;
pub mod holders;
pub mod lock_identity;
pub mod lock_memory;
pub mod lock_state;
pub mod names;
mod old_layouts;
pub mod origin;
pub mod other_threads;
pub mod parent_waits;
pub mod place;
pub mod python;
pub mod python_locks;
pub mod python_place;
pub mod stack_bounds;
