//! Whether it is a finding, and how bad: judging returns values, and writes nothing.
//!
//! | file | what it judges |
//! |---|---|
//! | `known` | whether anything about a fork can be new |
//! | `unsafe_fork`, `exec_bound`, `own_locks` | a fork: its caller, the threads and the locks |
//! | `strict` | whether strict mode stops it |
//! | `child_call`, `orphaned_lock`, `parent` | a call in a forked child |
//! | `leaked_lock` | a thread that ends |
//!
//! What judging looks back on lies here, too, and is changed by `watch` alone: `fork_record` (the forks that made this process),
//! `reported` (what was reported already) and `budget` (how many further findings a place may have).
//! `suppressions` has the user's rules.

pub mod budget;
pub mod child_call;
pub mod exec_bound;
pub mod fork_record;
pub mod judgement;
pub mod known;
pub mod leaked_lock;
pub mod orphaned_lock;
pub mod own_locks;
pub mod parent;
pub mod reported;
pub mod strict;
pub mod suppressions;
pub mod unsafe_fork;
