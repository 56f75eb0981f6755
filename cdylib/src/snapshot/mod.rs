//! What was true at this fork: live threads, held locks, modules, symbols.

pub mod alive;
pub mod fork_snapshot;
pub mod lock_memory;
pub mod lock_state;
pub mod names;
pub mod origin;
pub mod place;
pub mod python;
pub mod python_locks;
pub mod stack_bounds;
