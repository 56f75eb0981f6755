//! What the kernel, the processor and libc offer us without harm to the program. Knows nothing of forks or locks.

pub mod activity;
pub mod allocator;
pub mod big_stack;
pub mod clock;
pub mod deadline;
pub mod descriptor;
pub mod environment;
pub mod errno;
pub mod every_thread;
pub mod hidden_name;
pub mod import_slots;
pub mod kernel;
#[cfg(not(test))]
mod libc_names;
pub mod libc_threads;
pub mod libc_version;
pub mod loaded_object;
pub mod next_definition;
pub mod numbered_entries;
pub mod own_lock;
pub mod own_memory;
pub mod pages;
pub mod printable;
pub mod process;
mod program_headers;
pub mod python;
pub mod python_calls;
pub mod python_methods;
pub mod real;
pub mod redirected_entries;
pub mod region;
pub mod seccomp;
pub mod signal_mask;
pub mod signals;
pub mod task;
pub mod thread_word;
pub mod unwinder;
