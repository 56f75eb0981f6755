//! What happens in which order: at a lock, at a thread's beginning and end, at a fork, at the program's end. This layer calls
//! the ones below it; the hooks only call in here and decide no order themselves.
//!
//! A file uses only files above it in this list; `scripts/check-layers` refuses circles.
//!
//! | file | its part |
//! |---|---|
//! | `reporting` | the report lock, and memory to report in |
//! | `report` | a finding becomes a record and is written |
//! | `fork_judgement` | from a fork's snapshot to its judgement |
//! | `new_process` | a forked child begins, and catches up with its fork when that matters |
//! | `thread_record` | a thread gets its record |
//! | `gate` | a thread takes a lock while another one holds its fork back |
//! | `settle/` | a fork is held back until no other thread holds a lock |
//! | `fork/` | the steps of a fork |
//! | `thread_end` | a thread ends |
//! | `start` | the two stages of starting |
//! | `this_thread` | the record of the thread that runs a hook |
//! | `fork` | the calls that fork |
//! | `child/` | what a forked child calls |
//! | `lock`, `semaphore`, `python_lock`, `static_guard`, `region`, `thread_creation`, `handler`, `context`, `settle_on_request`, `sandbox`, `at_exit` | the other hooks' calls |

pub mod at_exit;
pub mod child;
pub mod context;
pub mod fork;
pub mod fork_judgement;
pub mod gate;
pub mod handler;
pub mod handler_call;
pub mod lock;
pub mod new_process;
pub mod python_lock;
pub mod region;
pub mod report;
pub mod reporting;
pub mod sandbox;
pub mod semaphore;
pub mod settle;
pub mod settle_on_request;
pub mod start;
pub mod static_guard;
pub mod this_thread;
pub mod thread_creation;
pub mod thread_end;
pub mod thread_record;
