//! What was true at this fork: live threads, held locks, modules, symbols.

pub mod alive;
pub mod lock_memory;
pub mod lock_now;
pub mod moment;
pub mod origin;
pub mod place;
pub mod python;
pub mod stack_bounds;
