//! What the kernel, the processor and libc offer us, without harm.

pub mod file;
