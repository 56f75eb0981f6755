//! What was true at this fork: live threads, held locks, modules, symbols.

pub mod alive;
pub mod demangle;
pub mod elf_image;
pub mod lock_memory;
pub mod maps;
pub mod memory;
pub mod modules;
pub mod moment;
pub mod resolver;
pub mod stack_bounds;
pub mod symbols;
