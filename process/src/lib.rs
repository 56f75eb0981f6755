//! Reads a process, this one or another, from what the kernel, the ELF files and the compiler's tables say.
//!
//! The library reads the process it runs in, the command reads others. Nothing here trusts what it reads: unmapped memory, wrong
//! tables and stacks that lead in circles end in "not known".
//!
//! Each uses only those above it in this list:
//!
//! * [`system_call`], [`mod@file`], [`startup`]: the kernel without libc; files without libc's or std's locks; what the kernel
//!   passed to this program.
//! * [`memory`], [`maps`]: guarded reads; what is mapped where.
//! * [`elf_image`]: headers, sections and notes, in a file or in memory.
//! * [`module`], [`modules`]: which file an address lies in (`loader_list` where `/proc` hides them).
//! * [`demangle`], [`symbols`], [`lines`], [`debug_files`], [`symbol_files`]: names, files and lines.
//! * [`resolver`]: addresses become frames.
//! * [`processor`]: registers, return addresses and a signal's frame, a file for each processor.
//! * [`unwind`]: from one frame of a stack to its caller's.
//! * [`blocked_stack`]: the stack of a thread that waits (`prologue` and `call_site` distinguish its frames from old data).
//! * [`cpython`]: an interpreter's frames, threads and locks.
//!
//! The library calls this in any thread of a program, so what is forbidden there is forbidden here too (`clippy.toml`).
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests live in no watched program"
    )
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod blocked_stack;
pub mod call_site;
pub mod cpython;
pub mod debug_files;
pub mod demangle;
pub mod elf_image;
pub mod file;
pub mod lines;
mod loader_list;
pub mod maps;
pub mod memory;
pub mod module;
pub mod modules;
pub mod processor;
mod prologue;
pub mod resolver;
pub mod startup;
pub mod symbol_files;
pub mod symbols;
pub mod system_call;
pub mod unwind;
