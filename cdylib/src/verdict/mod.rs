//! Whether something is a finding, and how bad. Judging returns values and writes nothing.
//!
//! | file | what it judges |
//! |---|---|
//! | `known` | whether anything about a fork can be new |
//! | `unsafe_fork`, `exec_bound`, `own_locks` | a fork: its caller, the threads and the locks |
//! | `strict` | whether strict mode stops it |
//! | `child_call`, `orphaned_lock`, `possible_deadlock`, `parent` | a call in a forked child |
//! | `leaked_lock` | a thread that ends |
//! | `handler_wait` | an at-fork handler that waits for another thread |
//!
//! The state that judging consults is here, too, and only `watch` changes it: `fork_record` (the forks that this process descends
//! from), `reported` (the verdicts on places), `fork_findings` (the forks that were reported; `same_line` finds the one that a fork
//! belongs to), `reported_names` (what they called locks and threads) and `budget` (how many known forks may be examined again).
//! `suppressions` has the user's rules, and `judgement` the result of judging a fork.

pub mod bookkeeping;
pub mod budget;
pub mod child_call;
pub mod exec_bound;
pub mod fork_findings;
pub mod fork_record;
pub mod handler_wait;
pub mod judgement;
pub mod known;
pub mod leaked_lock;
pub mod lost_servers;
pub mod lost_threads;
pub mod orphaned_lock;
pub mod own_locks;
pub mod parent;
pub mod possible_deadlock;
pub mod reported;
pub mod reported_names;
pub mod same_line;
pub mod shared_descriptor;
pub mod strict;
pub mod suppressions;
pub mod unsafe_fork;
pub mod watched_calls;
