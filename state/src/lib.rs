//! Every table of `libforkwatch.so` that two threads access: hooks write, the forking thread reads.
//!
//! Nothing here allocates from the program's heap, waits for another thread without a limit, or calls libc. [`system::System`]
//! provides what it needs from the kernel, so that the models in `tests/` compile the very code that the library uses: with
//! `--cfg loom`, [`sync`] has loom's atomics, tables are small, and `loom` tries every interleaving. A signal handler can then run
//! before every access, too.
//!
//! | module | what two threads share |
//! |---|---|
//! | [`threads`], [`record`] | the places of all threads, and what is known about each |
//! | [`held`] | the locks that one thread holds or asks for |
//! | [`gate`] | where threads wait while another one forks |
//! | [`takers`] | the locks that one thread takes, for the children of its process |
//! | [`family`] | what a process and its children have reported together |
//! | [`by_address`] | when a lock was last made or destroyed, and where it was made |
//! | [`depot`] | every distinct stack once |
//! | [`rows`] | rules of the unwinder, read once |
//! | [`address_set`] | sets of locks: the semaphores that are not locks, those about which nothing is to be reported |
//! | [`orphans`] | the locks that a forked child inherited from threads that it lost |
//! | [`own_lock`] | the only kind of lock that may guard our own state |
//! | [`report_lock`] | the proof that the report lock is held, and what it guards |
//! | [`busy`], [`fork`] | whether our code runs in a thread, and the phase of its fork |
//! | [`pieces`] | how many pieces of scratch memory are in use |
//! | [`code_range`] | two words that are read together |
//! | [`lineage`] | what a child knows about the forks that it descends from |
#![cfg_attr(not(any(test, loom)), no_std)]
#![cfg_attr(
    not(any(test, loom)),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]
#![deny(unsafe_code)]

extern crate alloc;

pub mod address_set;
pub mod busy;
pub mod by_address;
pub mod code_range;
pub mod depot;
pub mod family;
pub mod fork;
pub mod gate;
pub mod held;
pub mod lineage;
pub mod orphans;
pub mod own_lock;
pub mod pieces;
pub mod record;
pub mod report_lock;
pub mod rows;
pub mod sync;
pub mod system;
pub mod takers;
pub mod threads;
