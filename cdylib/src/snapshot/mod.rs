//! What was true at this fork: live threads, held locks, modules, symbols.

pub mod alive;
pub mod lock_memory;
pub mod lock_now;
pub mod moment;
pub mod origin;
pub mod place;
pub mod python;
pub mod stack_bounds;

// What reads any process, this one too, is a crate of its own.
pub use forkwatch_process::{blocked_stack, demangle, elf_image, maps, memory, modules, resolver, symbols};
