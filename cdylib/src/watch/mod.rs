//! What happens in which order: at a lock, at a thread's beginning and end, at a fork, at the program's end. Drives the
//! layers to the left; the hooks call in here and hold no order of their own.

pub mod at_exit;
pub mod child;
pub mod counts;
pub mod fork;
pub mod further;
pub mod handler;
pub mod judge;
pub mod lock;
pub mod region;
pub mod report;
pub mod semaphore;
pub mod setup;
pub mod start;
pub mod static_guard;
pub mod story;
pub mod tell;
pub mod thread;
pub mod told;
