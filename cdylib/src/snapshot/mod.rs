//! What was true at this fork: live threads, held locks, modules, symbols.

pub mod alive;
pub mod call_site;
pub mod cpython;
pub mod demangle;
pub mod elf_image;
pub mod lines;
mod loader_list;
pub mod lock_memory;
pub mod lock_now;
pub mod maps;
pub use forkwatch_process::memory;
pub mod module;
pub mod modules;
pub mod moment;
pub mod origin;
pub mod place;
pub mod python;
pub mod resolver;
pub mod stack_bounds;
pub mod symbol_files;
pub mod symbols;
pub mod thread_stack;
pub mod unwind_rules;
pub mod unwind_tables;
